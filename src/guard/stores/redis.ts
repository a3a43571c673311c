/**
 * Keys in Redis: one round trip to claim, one to seal. It remembers as well as the server does: a failover to a
 * replica that lags forgets the keys of the last moments, and a server that evicts forgets any, so it is refused.
 */
import { GUARD_PREFIX } from '../../domain/release-store.js';
import { checkOptions, checkValue, having, needed, optional } from '../options.js';
import { decodeRecord, encodeRecordAsText, type StoredRecord } from '../record.js';
import type { StoreKey } from '../keys.js';
import type { Claim, Claimed, Store } from '../store.js';
import { CLAIM, COMPLETE, RELEASE, RENEW, type Script } from './redis-scripts.js';

/** One command to the server. Strings must come back as `Buffer`s, or else binary bodies would be corrupted. */
export type RedisCommand = (parts: readonly (string | Buffer)[]) => Promise<unknown>;

interface NodeRedisSender {
  sendCommand(parts: readonly (string | Buffer)[]): Promise<unknown>;
}

/** The part of a `redis` (node-redis) client, version 5 or later, that is used here. */
export interface NodeRedisClient {
  readonly isReady: boolean;
  withTypeMapping(mapping: Readonly<Record<number, unknown>>): NodeRedisSender;
  withCommandOptions(options: {
    readonly typeMapping: Readonly<Record<number, unknown>>;
    readonly timeout: number;
  }): NodeRedisSender;
}

const BLOB_STRING = '$'.charCodeAt(0);

/**
 * The client's own timeout drops commands that wait for a connection, and leaves a signal and a timer behind for each command, for
 * as long as it lasts. So it is left out while there is a connection: commands go out at once, and the guard has a limit of its
 * own for the answer.
 */
export function nodeRedis(client: NodeRedisClient): RedisCommand {
  checkValue('the client', client, having('withTypeMapping', 'a client of the package redis, version 5 or later'));
  const typeMapping = { [BLOB_STRING]: Buffer };
  const waiting = client.withTypeMapping(typeMapping);
  const connected = client.withCommandOptions({ typeMapping, timeout: 0 });
  return (parts) => (client.isReady ? connected : waiting).sendCommand(parts);
}

export interface RedisStoreOptions {
  /** Before every key; `sluice:guard:` unless told. */
  readonly prefix?: string | undefined;
}

/** See `assertUsable`. */
export async function openRedisStore(command: RedisCommand, options: RedisStoreOptions = {}): Promise<Store> {
  checkOptions<RedisStoreOptions>('a Redis store', options, { prefix: optional('text') });
  const { prefix = GUARD_PREFIX } = options;
  await assertUsable(command);
  return new RedisStore(command, prefix);
}

/** Rejects if the server may evict keys, or if `command` does not give bytes back. */
export async function assertUsable(command: RedisCommand): Promise<void> {
  checkValue('the Redis command', command, needed('function', 'a function that sends one: nodeRedis(client) makes it'));
  const probe = Buffer.from([0x00, 0xff, 0xfe]);
  const echoed = await command(['ECHO', probe]);
  if (!(echoed instanceof Buffer && echoed.equals(probe)))
    throw new TypeError('the Redis client decodes strings: give a command that answers with Buffers, as nodeRedis(client) does');
  // INFO and not CONFIG GET, which managed servers forbid.
  const policy = /^maxmemory_policy:(\S+)/m.exec(String(await command(['INFO', 'memory'])))?.[1];
  if (policy !== 'noeviction')
    throw new Error(
      `Redis has maxmemory-policy ${policy ?? 'unknown'}, so it may forget keys and let effects happen twice: set it to noeviction`,
    );
}

class RedisStore implements Store {
  constructor(
    private readonly command: RedisCommand,
    private readonly prefix: string,
  ) {}

  async claim(key: StoreKey, { fingerprint, token, leaseMs, retainMs }: Claim): Promise<Claimed> {
    const [kind, detail] = (await this.#run(CLAIM, key, [fingerprint, token, ms(leaseMs), ms(retainMs)])) as [
      Buffer,
      Buffer | number,
    ];
    switch (String(kind)) {
      case 'claimed':
        return { kind: 'claimed', attempt: Number(detail) };
      case 'busy':
        return { kind: 'busy', retryMs: Number(detail) };
      case 'done':
        return { kind: 'done', record: decodeRecord(detail as Buffer) };
      default:
        return { kind: 'mismatch' };
    }
  }

  async renew(key: StoreKey, token: string, leaseMs: number): Promise<boolean> {
    return (await this.#run(RENEW, key, [token, ms(leaseMs)])) === 1;
  }

  async complete(key: StoreKey, token: string, record: StoredRecord, retainMs: number): Promise<boolean> {
    return (await this.#run(COMPLETE, key, [token, encodeRecordAsText(record), ms(retainMs)])) === 1;
  }

  async release(key: StoreKey, token: string, effect: 'unknown' | 'none'): Promise<boolean> {
    return (await this.#run(RELEASE, key, [token, effect])) === 1;
  }

  #run(script: Script, key: StoreKey, values: readonly (string | Buffer)[]): Promise<unknown> {
    return evaluate(this.command, script, [`${this.prefix}${key}`], values);
  }
}

/** After a restart the server no longer knows its scripts, so it is told again. */
export async function evaluate(
  command: RedisCommand,
  { sha1, text }: Script,
  keys: readonly string[],
  values: readonly (string | Buffer)[],
): Promise<unknown> {
  const rest = [String(keys.length), ...keys, ...values];
  try {
    return await command(['EVALSHA', sha1, ...rest]);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return command(['EVAL', text, ...rest]);
    throw error;
  }
}

/** A time for a script: whole milliseconds. */
export const ms = (value: number): string => String(Math.ceil(value));
