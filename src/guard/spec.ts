/** What one guarded run is, with its defaults and their bounds. */
import { checkedKey, type Scope } from './keys.js';
import { kindOf, optional, type Wants } from './options.js';

/** What may be chosen once for many runs. */
export interface RunChoices {
  /** How long a worker is believed without a sign of life, in milliseconds; 10 s. It is renewed three times as often. */
  readonly leaseMs?: number | undefined;
  /** How long the record lives, in milliseconds; 96 h: the longest that a rollout stays frozen, and a day (R20, A13). */
  readonly retainMs?: number | undefined;
  /**
   * What follows an attempt whose end nobody knows. `reject` (the default) refuses; `reexecute` runs again: for effects that
   * carry a key of their own, or do no harm twice.
   */
  readonly onLost?: 'reject' | 'reexecute' | undefined;
  /** What happens while the store cannot be asked. `refuse` (the default), or `run` unguarded, which is counted. */
  readonly onStoreDown?: 'refuse' | 'run' | undefined;
  /** `observe` counts what would have been refused or replayed, and changes nothing. */
  readonly mode?: 'enforce' | 'observe' | undefined;
}

export interface RunSpec extends RunChoices {
  readonly scope: Scope;
  /** From `fingerprint` or `semanticFingerprint`. */
  readonly fingerprint: string;
}

type Resolved<Choices> = { readonly [name in keyof Choices]-?: Exclude<Choices[name], undefined> };
export type ResolvedSpec = Resolved<RunSpec>;

const HOUR_MS = 3_600_000;
export const RETAIN_FLOOR_MS = 24 * HOUR_MS;
export const RETAIN_DEFAULT_MS = 96 * HOUR_MS;
const LEASE_DEFAULT_MS = 10_000;

/** The longest that a timer of Node waits; a longer one fires at once. */
const LONGEST_MS = 2_147_483_647;

/** Throws `RangeError`: NaN, nothing, less than nothing and for ever cannot be waited for. */
export function checkedTime(name: string, ms: number): number {
  if (typeof ms !== 'number' || !(ms >= 1 && ms <= LONGEST_MS))
    throw new RangeError(`${name} is ${kindOf(ms)}, it must be milliseconds from 1 to ${String(LONGEST_MS)}`);
  return ms;
}

function oneOf(what: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw new TypeError(`${what} is ${JSON.stringify(value)}, it must be ${allowed.join(' or ')}`);
}

/** Of `RunChoices`, for whoever takes them among other options; `resolveChoices` looks at their values. */
export const CHOICES: Wants<RunChoices> = {
  leaseMs: optional('anything'),
  retainMs: optional('anything'),
  onLost: optional('anything'),
  onStoreDown: optional('anything'),
  mode: optional('anything'),
};

const ON_LOST = ['reject', 'reexecute'];
const ON_STORE_DOWN = ['refuse', 'run'];
const MODES = ['enforce', 'observe'];

/** Throws `TypeError` or `RangeError`: such choices are a mistake in the program, so that adapters look at them when they are made. */
export function resolveChoices({
  leaseMs = LEASE_DEFAULT_MS,
  retainMs = RETAIN_DEFAULT_MS,
  onLost = 'reject',
  onStoreDown = 'refuse',
  mode = 'enforce',
}: RunChoices): Resolved<RunChoices> {
  oneOf('onLost', onLost, ON_LOST);
  oneOf('onStoreDown', onStoreDown, ON_STORE_DOWN);
  oneOf('mode', mode, MODES);
  checkedTime('leaseMs', leaseMs);
  if (typeof retainMs !== 'number' || !(retainMs >= RETAIN_FLOOR_MS))
    throw new RangeError(`retainMs is ${kindOf(retainMs)}, keys are kept for at least 24 h (${String(RETAIN_FLOOR_MS)} ms)`);
  return { leaseMs, retainMs, onLost, onStoreDown, mode };
}

/** Throws `TypeError` or `RangeError`: such a spec is a mistake in the program, not in the request. */
export function resolve(spec: RunSpec): ResolvedSpec {
  const { scope, fingerprint } = spec;
  const key = checkedKey(scope.key);
  if (key.kind === 'invalid') throw new TypeError(`the key cannot be used: ${key.reason}`);
  // From JavaScript anything may come, a promise or undefined as well: all of these would be one tenant.
  const tenant: unknown = scope.tenant;
  if (typeof tenant !== 'string' || tenant === '')
    throw new TypeError(
      `the tenant is ${tenant === '' ? 'empty' : `of type ${typeof tenant}`}: expected the name of whoever was authenticated, or else callers share their keys`,
    );
  if (typeof (fingerprint as unknown) !== 'string' || fingerprint === '')
    throw new TypeError('the fingerprint is missing: expected what fingerprint(…) or semanticFingerprint(…) gives');
  return { scope, fingerprint, ...resolveChoices(spec) };
}
