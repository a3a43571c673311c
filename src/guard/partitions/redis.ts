/**
 * Partitions in Redis: every operation is one script. A failover to a replica that lags may forget a takeover; where that is
 * too much, take PostgreSQL.
 */
import { randomUUID } from 'node:crypto';
import { GUARD_PREFIX } from '../../domain/release-store.js';
import { assertUsable, evaluate, ms, type RedisCommand, type RedisStoreOptions } from '../stores/redis.js';
import type { Script } from '../stores/redis-scripts.js';
import {
  checkedJoining,
  renewedFrom,
  waitsFor,
  type Fenced,
  type Joined,
  type Joining,
  type Partition,
  type PartitionLease,
  type PartitionLeases,
  type Renewed,
} from './leases.js';
import { fenced, JOIN, LEAVE, RENEW } from './redis-scripts.js';

/** What is to be written, as the body of a Lua script: `return redis.call('SET', KEYS[1], ARGV[1])`. */
export interface RedisWrite {
  readonly script: string;
  readonly keys: readonly string[];
  readonly values?: readonly (string | Buffer)[];
}

/** Rejects as `openRedisStore` does. */
export async function openRedisPartitions(
  command: RedisCommand,
  { prefix = GUARD_PREFIX }: RedisStoreOptions = {},
): Promise<RedisPartitions> {
  await assertUsable(command);
  return new RedisPartitions(command, prefix);
}

export class RedisPartitions implements PartitionLeases {
  constructor(
    private readonly command: RedisCommand,
    private readonly prefix: string,
  ) {}

  async join(partition: Partition, joining: Joining): Promise<Joined> {
    checkedJoining(partition, joining);
    const { release, revision, worker, leaseMs, maxWorkers } = joining;
    if (maxWorkers === 0) return { kind: 'waits', why: 'paused' };
    const { queue, partition: name } = partition;
    const token = randomUUID();
    const cap = maxWorkers === undefined ? '' : String(maxWorkers);
    const values = [release, revision, worker, token, ms(leaseMs), cap];
    const [kind, ...rest] = (await evaluate(this.command, JOIN, [this.#key(partition)], values)) as (Buffer | number)[];
    if (String(kind) === 'joined')
      return {
        kind: 'joined',
        lease: { queue, partition: name, release, revision, worker, leaseMs, epoch: Number(rest[0]), token },
      };
    const [heldRelease, heldRevision, epoch, workers, one, all] = rest;
    const holder = {
      release: String(heldRelease),
      revision: String(heldRevision),
      epoch: Number(epoch),
      workers: Number(workers),
    };
    return waitsFor(holder, joining, { one: Number(one), all: Number(all) });
  }

  async renew(lease: PartitionLease, maxWorkers: number | undefined): Promise<Renewed> {
    const before = Number(await this.#behindFence(RENEW, lease, [], [ms(lease.leaseMs)]));
    return renewedFrom(before < 0 ? undefined : before, maxWorkers);
  }

  async leave(lease: PartitionLease): Promise<boolean> {
    return (await this.#behindFence(LEAVE, lease, [], [])) === 1;
  }

  /**
   * Writes only while the lease is alive, in one act. The answer is the script's own, strings as `Buffer`s. In a cluster give
   * `prefix` and keys one hash tag.
   */
  async write(lease: PartitionLease, { script, keys, values = [] }: RedisWrite): Promise<Fenced<unknown>> {
    const [written, value = null] = (await this.#behindFence(fenced(script), lease, keys, values)) as [number, unknown];
    return written === 1 ? { kind: 'written', value } : { kind: 'stale' };
  }

  #behindFence(
    script: Script,
    lease: PartitionLease,
    keys: readonly string[],
    values: readonly (string | Buffer)[],
  ): Promise<unknown> {
    const { worker, token, epoch } = lease;
    return evaluate(this.command, script, [this.#key(lease), ...keys], [worker, token, String(epoch), ...values]);
  }

  /** JSON keeps the fields apart. */
  #key({ queue, partition }: Partition): string {
    return `${this.prefix}partition:${JSON.stringify([queue, partition])}`;
  }
}
