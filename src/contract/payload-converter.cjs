// @ts-check
'use strict';
/**
 * The default converter, made total on decode: a payload that nobody can read becomes `{ undecodable: <why> }` instead of an
 * exception. An exception in a signal's payload fails the workflow task for ever, and then even an abort hangs. CommonJS,
 * because the worker's threads load it by `require`.
 */
const { defaultPayloadConverter } = require('@temporalio/common');

/** @type {import('@temporalio/common').PayloadConverter} */
exports.payloadConverter = {
  toPayload: (value, context, hint) => defaultPayloadConverter.toPayload(value, context, hint),
  fromPayload: (payload, context, hint) => {
    try {
      return defaultPayloadConverter.fromPayload(payload, context, hint);
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown reason';
      return /** @type {any} */ ({ undecodable: why.slice(0, 200) });
    }
  },
};
