/**
 * A plain function that does a job: what a queue's worker, a schedule or a script calls. A queue that delivers twice gets the
 * first result again. A refusal is thrown as `Refused`: with `retryMs` the job may be delivered again after that, without it
 * repeating does not help.
 */
import { fingerprint, semanticFingerprint } from '../fingerprint.js';
import type { RunContext } from '../execution.js';
import type { Guard } from '../guard.js';
import type { Outcome } from '../outcome.js';
import { Refused } from '../refusal.js';
import { checkOptions, checkValue, having, needed, optional } from '../options.js';
import { CHOICES, resolveChoices, type RunChoices } from '../spec.js';

export interface JobOptions<Payload> extends RunChoices {
  readonly name: string;
  readonly tenant: (payload: Payload) => string;
  /** Of the job, not of its delivery: the same for every redelivery. */
  readonly key: (payload: Payload) => string;
  /** What the payload means, where two may differ and mean the same. Without it its JSON counts. */
  readonly meaning?: ((payload: Payload) => string) | undefined;
}

export type JobEnd<Result> =
  | { readonly kind: 'ran' | 'replayed'; readonly result: Result }
  /** Done before, and its result was too large to be kept. */
  | { readonly kind: 'not-kept' };

export const METHOD = 'JOB';

/** Those of `anything` are looked at below, where the job's name can be said. */
const JOB_WANTS = {
  ...CHOICES,
  name: optional('anything'),
  tenant: optional('anything'),
  key: optional('anything'),
  meaning: optional('function', 'a function that says what the payload means'),
};

/**
 * `result` must be JSON or undefined: a replay gives it back from its JSON. A throw of `NothingDone` frees the key. Throws
 * `TypeError` or `RangeError` for options that cannot be meant; a job whose key is none is refused with a `TypeError` and not run.
 */
export function guardJob<Payload, Result>(
  guard: Guard,
  options: JobOptions<Payload>,
  fn: (payload: Payload, context: RunContext) => Promise<Result> | Result,
): (payload: Payload) => Promise<JobEnd<Result>> {
  checkValue('the guard of guardJob', guard, having('run', 'new Guard({…}), or what service.guard({…}) gives'));
  checkOptions<JobOptions<Payload>>('guardJob', options, JOB_WANTS);
  checkValue('the function of guardJob', fn, needed('function'));
  const { name, tenant, key, meaning, leaseMs, retainMs, onLost, onStoreDown, mode } = options;
  resolveChoices(options);
  if (typeof (name as unknown) !== 'string' || name === '')
    throw new TypeError('options.name is missing: expected the name of the job');
  for (const [option, given] of Object.entries({ tenant, key }) as [string, unknown][])
    if (typeof given !== 'function')
      throw new TypeError(`options.${option} of the job "${name}" is missing: expected a function of its payload`);
  return async (payload) => {
    let ran: { readonly result: Result } | undefined;
    const end = await guard.run(
      {
        scope: { tenant: tenant(payload), method: METHOD, route: name, key: keyOf(name, key(payload)) },
        fingerprint:
          meaning === undefined
            ? fingerprint({ method: METHOD, path: name, contentType: 'application/json', bytes: textOf(payload) })
            : semanticFingerprint({ method: METHOD, path: name }, meaning(payload)),
        leaseMs,
        retainMs,
        onLost,
        onStoreDown,
        mode,
      },
      async (context) => {
        ran = { result: await fn(payload, context) };
        return outcomeOf(ran.result);
      },
    );
    if (end.kind === 'refused') throw new Refused(end.refusal);
    if (ran !== undefined) return { kind: 'ran', result: ran.result };
    const { body } = end.kind === 'replayed' ? end.record : end.outcome;
    if (body.kind !== 'bytes') return { kind: 'not-kept' };
    const text = Buffer.from(body.bytes).toString();
    return { kind: 'replayed', result: (text === '' ? undefined : JSON.parse(text)) as Result };
  };
}

function keyOf(name: string, key: unknown): string {
  if (typeof key === 'string' && key !== '') return key;
  throw new TypeError(
    `a job "${name}" has no key: options.key gave ${key === '' ? 'an empty text' : `a value of type ${typeof key}`}, ` +
      'expected the id of the job, which is the same at every delivery',
  );
}

function outcomeOf(result: unknown): Outcome {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: { kind: 'bytes', bytes: Buffer.from(textOf(result)) },
  };
}

/** Of `undefined` there is no JSON, whatever the type of `JSON.stringify` says. */
export const textOf = (value: unknown): string => (JSON.stringify as (value: unknown) => string | undefined)(value) ?? '';
