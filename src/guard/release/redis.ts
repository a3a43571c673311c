/** The release record in Redis. */
import { GUARD_PREFIX, releaseKey } from '../../domain/release-store.js';
import type { RedisCommand } from '../stores/redis.js';
import type { ReleaseSource } from './reader.js';

/** The part of a connected `redis` (node-redis) client that subscribes; it subscribes again by itself after a lost connection. */
export interface RedisSubscriber {
  subscribe(channel: string, listener: () => void): Promise<unknown>;
  unsubscribe(channel: string, listener: () => void): Promise<unknown>;
}

export interface RedisReleasesOptions {
  /** Before every key; `sluice:guard:` unless told. */
  readonly prefix?: string | undefined;
  /** A connected client of its own, such as `await client.duplicate().connect()`. Without it a new record is seen at the next read. */
  readonly subscriber?: RedisSubscriber | undefined;
}

export function redisReleases(
  command: RedisCommand,
  { prefix = GUARD_PREFIX, subscriber }: RedisReleasesOptions = {},
): ReleaseSource {
  return {
    async read(target) {
      const record = await command(['HGET', releaseKey(prefix, target), 'record']);
      return record instanceof Buffer || typeof record === 'string' ? record.toString() : undefined;
    },
    ...(subscriber === undefined
      ? {}
      : {
          watch: async (target, { changed }) => {
            const channel = releaseKey(prefix, target);
            await subscriber.subscribe(channel, changed);
            return async () => {
              await subscriber.unsubscribe(channel, changed);
            };
          },
        }),
  };
}
