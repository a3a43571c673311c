import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'redis';
import { nodeRedis, openRedisStore, type RedisCommand } from '../../../src/guard/stores/redis.js';
import { Redis, withoutRedis as skip } from '../../harness/redis.js';
import { anyKey, claimOf, recordOf, storeConformance } from './conformance.js';

const connect = async (
  redis: Redis,
): Promise<{ command: RedisCommand; send: (words: string[]) => Promise<unknown>; close: () => void }> => {
  const client = createClient({ url: redis.url, disableOfflineQueue: true });
  client.on('error', () => undefined);
  await client.connect();
  return {
    command: nodeRedis(client),
    send: (words) => client.sendCommand(words),
    close: () => {
      client.destroy();
    },
  };
};

storeConformance(
  'redis',
  async () => {
    const redis = await Redis.start();
    const { command, close } = await connect(redis);
    return {
      store: await openRedisStore(command),
      pass: (ms) => pause(ms),
      stop: async () => {
        close();
        await redis.stop();
      },
    };
  },
  skip,
);

test('the client’s own timeout is for commands that wait for a connection, and for no others', async () => {
  const sent: string[] = [];
  const sender = (how: string) => ({
    sendCommand: ([name]: readonly (string | Buffer)[]) => Promise.resolve(sent.push(`${String(name)} ${how}`)),
  });
  const client = {
    isReady: true,
    withTypeMapping: () => sender('with the timeout'),
    withCommandOptions: ({ timeout }: { readonly timeout: number }) => sender(`with a timeout of ${String(timeout)}`),
  };
  const command = nodeRedis(client);
  await command(['ECHO']);
  client.isReady = false;
  await command(['PING']);
  assert.deepEqual(sent, ['ECHO with a timeout of 0', 'PING with the timeout']);
});

test('a server that may evict keys is refused, whatever the policy', { skip }, async () => {
  const redis = await Redis.start(['--maxmemory-policy', 'allkeys-lru']);
  const { command, send, close } = await connect(redis);
  for (const policy of ['allkeys-lru', 'volatile-ttl', 'volatile-lru', 'allkeys-random']) {
    await send(['CONFIG', 'SET', 'maxmemory-policy', policy]);
    await assert.rejects(openRedisStore(command), new RegExp(`maxmemory-policy ${policy}.*noeviction`));
  }
  await send(['CONFIG', 'SET', 'maxmemory-policy', 'noeviction']);
  await openRedisStore(command);
  close();
  await redis.stop();
});

test('a client that decodes strings is refused, because it would corrupt binary bodies', { skip }, async () => {
  const redis = await Redis.start();
  const { command, close } = await connect(redis);
  await assert.rejects(
    openRedisStore(async (parts) => String(await command(parts))),
    /Buffers/,
  );
  close();
  await redis.stop();
});

test(
  'a server that forgot its scripts is told them again, and keys go away by themselves after the retention',
  { skip },
  async () => {
    const redis = await Redis.start();
    const { command, send, close } = await connect(redis);
    const store = await openRedisStore(command, { prefix: 'p:' });
    const key = anyKey();
    const claim = claimOf();
    await store.claim(key, claim);
    await send(['SCRIPT', 'FLUSH']);
    assert.equal(await store.complete(key, claim.token, recordOf(), 5_000), true);
    const left = Number(await send(['PTTL', `p:${key}`]));
    assert.ok(left > 4_000 && left <= 5_000);
    close();
    await redis.stop();
  },
);
