/** What holding a partition is told, and what it tells. */
import { emit } from '../events.js';
import { checkedTime } from '../spec.js';
import type { Partition, PartitionLeases, PartitionOwner } from './leases.js';
import type { Flow, PartitionPolicy } from './policy.js';

export type PartitionEvent = Partition &
  (
    | { readonly kind: 'joined' | 'left' | 'lost'; readonly epoch: number }
    /** Said when the reason changes, not at every look. */
    | { readonly kind: 'waits'; readonly why: 'other-revision' | 'full' | 'paused' }
    /** The store could not be asked. A lease that cannot be renewed is lost when its time is up. */
    | { readonly kind: 'store-error'; readonly error: unknown }
    /** A job of `consumePartition` threw. The next one begins after `idleMs`. */
    | { readonly kind: 'job-error'; readonly error: unknown }
  );

export interface HoldOptions extends Partition, PartitionOwner {
  readonly leases: PartitionLeases;
  /** Of this process only; a random one unless told. */
  readonly worker?: string;
  /** How long a worker is believed without a sign of life, in milliseconds; 10 s. It is renewed three times as often. */
  readonly leaseMs?: number;
  /** Of the release record, read anew at every look; must not throw. Undefined: nothing is paused or capped. */
  readonly policy?: () => PartitionPolicy | undefined;
  /** What a pause of batch means for this work; `batch` unless told. */
  readonly flow?: Flow;
  /** Between two looks at the policy, at a partition that is another's, and at a queue that was empty, in milliseconds; 1 s. */
  readonly idleMs?: number;
  /** Ends it: after the present job the lease is left. */
  readonly signal: AbortSignal;
  /** Somebody has to hear of errors. One that throws harms nothing. */
  readonly onEvent: (event: PartitionEvent) => void;
}

const LEASE_MS = 10_000;
const IDLE_MS = 1_000;
const FLOWS: readonly Flow[] = ['batch', 'user-facing'];

/** With the defaults. Throws `TypeError` or `RangeError`: such options are a mistake in the program, and no lease is asked for. */
export function resolveHold<Options extends HoldOptions>(
  options: Options,
): Options & Required<Pick<HoldOptions, 'leaseMs' | 'flow' | 'idleMs'>> {
  const { leaseMs = LEASE_MS, idleMs = IDLE_MS, flow = 'batch' } = options;
  const { queue, partition, release, revision, worker = 'a random one' } = options;
  for (const [name, value] of Object.entries({ queue, partition, release, revision, worker }) as [string, unknown][])
    if (typeof value !== 'string' || value === '')
      throw new TypeError(`options.${name} is ${value === '' ? 'empty' : `of type ${typeof value}`}, expected a name`);
  // From JavaScript anything may come.
  const { leases, policy, signal, onEvent }: { readonly [name in keyof HoldOptions]?: unknown } = options;
  if (typeof (leases as PartitionLeases | undefined)?.join !== 'function')
    throw new TypeError('options.leases is missing: expected what openPostgresPartitions or openRedisPartitions gives');
  if (!(signal instanceof AbortSignal))
    throw new TypeError('options.signal is missing: expected the AbortSignal that ends the work');
  if (typeof onEvent !== 'function') throw new TypeError('options.onEvent is missing: expected a function that hears of errors');
  if (policy !== undefined && typeof policy !== 'function')
    throw new TypeError(`options.policy is of type ${typeof policy}, expected a function that reads the release record`);
  if (!FLOWS.includes(flow)) throw new TypeError(`options.flow is ${JSON.stringify(flow)}, it must be ${FLOWS.join(' or ')}`);
  return { ...options, leaseMs: checkedTime('leaseMs', leaseMs), idleMs: checkedTime('idleMs', idleMs), flow };
}

type Without<Event> = Event extends unknown ? Omit<Event, keyof Partition> : never;
export type Said = Without<PartitionEvent>;

export function tell({ queue, partition, onEvent }: HoldOptions, what: Said): void {
  emit(onEvent, { queue, partition, ...what });
}
