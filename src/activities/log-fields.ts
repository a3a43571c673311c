import { AsyncLocalStorage } from 'node:async_hooks';
import type { Log } from './dependencies.js';
import { isRecord } from './json.js';

const fields = new AsyncLocalStorage<object>();

/** Runs a call so that all its lines bear rollout, release and step, whoever writes them (design.md §6). */
export const withLogFields = <T>(input: unknown, call: () => T): T => fields.run(fieldsOf(input), call);

/** The same logger, whose lines bear the fields of the call that writes them. */
export function inContext(logger: Log): Log {
  const all = (own: object): object => ({ ...fields.getStore(), ...own });
  return {
    debug: (own, message) => {
      logger.debug(all(own), message);
    },
    info: (own, message) => {
      logger.info(all(own), message);
    },
    warn: (own, message) => {
      logger.warn(all(own), message);
    },
    error: (own, message) => {
      logger.error(all(own), message);
    },
  };
}

/** Inputs of activities name the rollout in `where`, and the candidate in one of a few places. */
function fieldsOf(input: unknown): object {
  if (!isRecord(input)) return {};
  const { where, plan, intent, supervise } = input;
  const candidate = [input, plan, intent, supervise]
    .map((holder) => (isRecord(holder) ? holder['candidate'] : undefined))
    .find(isRecord);
  const step = isRecord(supervise) ? supervise['step'] : undefined;
  return {
    ...(isRecord(where) ? { rollout: where['rollout'] } : {}),
    ...(candidate === undefined ? {} : { release: candidate['release'] }),
    ...(step === undefined ? {} : { step }),
  };
}
