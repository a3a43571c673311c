// @ts-check
'use strict';
/**
 * With encryption, the message and the stack of a failure go into a payload, which the codec encrypts; without, they would stand
 * in histories as they are. CommonJS, because the worker's threads load it by `require`.
 */
const { DefaultFailureConverter } = require('@temporalio/common');

exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
