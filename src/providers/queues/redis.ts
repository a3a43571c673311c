/** The release record in the guards' Redis: one script writes it and tells it. As with PostgreSQL, no connection is kept. */
import type * as Redis from 'redis';
import { encodeReleasePolicy } from '../../domain/release-record.js';
import { GUARD_PREFIX, releaseKey } from '../../domain/release-store.js';
import { permanent, transient, type ProviderError } from '../errors.js';
import type { QueueController } from '../ports.js';
import { checkedUrl, driver, recordIn, TIMEOUT_MS, whyOf, type StoreQueuesOptions } from './store.js';

export interface RedisQueuesOptions extends StoreQueuesOptions {
  /** Before every key of the guard; `sluice:guard:` unless told. */
  readonly prefix?: string | undefined;
}

type Module = typeof Redis;
/** The part of it that is used. */
interface Client {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  hGet(key: string, field: string): Promise<string | null>;
}

export function redisQueues(
  { url, prefix = GUARD_PREFIX, timeoutMs = TIMEOUT_MS }: RedisQueuesOptions,
  load: () => Promise<Module> = () => import('redis'),
): QueueController {
  checkedUrl(url, ['redis:', 'rediss:']);
  const connected = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    const { createClient, ErrorReply } = await driver('redis', load);
    const socket = { connectTimeout: timeoutMs, socketTimeout: timeoutMs, reconnectStrategy: false } as const;
    const client = createClient({ url, socket });
    // Without a listener, a broken connection would end the worker. The call that runs gets its own error.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await work(client);
    } catch (error) {
      throw translated(error, error instanceof ErrorReply);
    } finally {
      client.destroy();
    }
  };
  return {
    direct: (target, { keepKeysForMs, ...policy }) =>
      connected(async (client) => {
        const numbers = [policy.ramp.epoch, policy.sequence, keepKeysForMs].map(String);
        await client.eval(TELL, { keys: [releaseKey(prefix, target)], arguments: [...numbers, encodeReleasePolicy(policy)] });
      }),
    epoch: (target) => connected(async (client) => Number((await client.hGet(releaseKey(prefix, target), 'epoch')) ?? 0)),
    record: async (target) => recordIn(await connected((client) => client.hGet(releaseKey(prefix, target), 'record'))),
  };
}

/** epoch, sequence, how long keys live, policy. Time is the server's; a late one writes and tells nothing. */
const TELL = `local known = redis.call('HMGET', KEYS[1], 'epoch', 'sequence')
local epoch, sequence = tonumber(ARGV[1]), tonumber(ARGV[2])
if known[1] then
  local before = tonumber(known[1])
  if before > epoch or (before == epoch and tonumber(known[2]) >= sequence) then return 0 end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local times = string.format(',"updatedAt":%.0f,"keepKeysUntil":%.0f}', now, now + tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'sequence', ARGV[2], 'record', string.sub(ARGV[4], 1, -2) .. times)
redis.call('PUBLISH', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])
return 1`;

/** The server is starting, full, or no place to write to just now. */
const TRY_AGAIN = /^(LOADING|BUSY|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|OOM|NOREPLICAS|MISCONF)\b/;

function translated(error: unknown, isReply: boolean): ProviderError {
  const why = whyOf(error);
  return isReply && !TRY_AGAIN.test(why) ? permanent(`Redis: ${why}`, error) : transient(`Redis: ${why}`, error);
}
