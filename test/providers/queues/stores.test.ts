/** What the stores of the release record say when they cannot be written. That they keep the order: test/guard/release/record.test.ts. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { migratePostgres } from '../../../src/guard/stores/postgres-migrations.js';
import { ProviderError } from '../../../src/providers/errors.js';
import { postgresQueues } from '../../../src/providers/queues/postgres.js';
import { redisQueues } from '../../../src/providers/queues/redis.js';
import { directiveWith } from '../../domain/directives.js';
import { Postgres, withoutPostgres } from '../../harness/postgres.js';
import { freePort } from '../../harness/ports.js';
import { Redis, withoutRedis } from '../../harness/redis.js';

const TARGET = { service: 'jobs', environment: 'test' };
const SECRET = 's3cr3t';

const says =
  (kind: ProviderError['kind'], text: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ProviderError);
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, text);
    assert.doesNotMatch(error.message, /[\n]|s3cr3t/);
    return true;
  };

const missing = (): Promise<never> =>
  Promise.reject(Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' }));

test('a driver that is not installed is named, with what installs it', async () => {
  const url = `postgres://sluice:${SECRET}@127.0.0.1/guard`;
  await assert.rejects(
    postgresQueues({ url }, missing).direct(TARGET, directiveWith()),
    says('permanent', /^the package "pg" is not installed beside the worker: npm install pg$/),
  );
  await assert.rejects(
    redisQueues({ url: `redis://:${SECRET}@127.0.0.1` }, missing).direct(TARGET, directiveWith()),
    says('permanent', /npm install redis$/),
  );
});

test('an address that is none is told when the worker starts, without what it holds', () => {
  assert.throws(
    () => postgresQueues({ url: `${SECRET}@127.0.0.1` }),
    says('permanent', /expected postgres:\/\/… or postgresql:/),
  );
  assert.throws(() => redisQueues({ url: `http://:${SECRET}@127.0.0.1` }), says('permanent', /expected redis:\/\/… or rediss:/));
  assert.throws(
    () => postgresQueues({ url: 'postgres://127.0.0.1/guard', schema: 'a; DROP' }),
    says('permanent', /its schema "a; DROP" is no name/),
  );
});

test('a server that is away may be back: worth another try', async () => {
  const port = await freePort();
  const away = says('transient', /ECONNREFUSED/);
  await assert.rejects(
    postgresQueues({ url: `postgres://sluice:${SECRET}@127.0.0.1:${port}/guard` }).direct(TARGET, directiveWith()),
    away,
  );
  await assert.rejects(redisQueues({ url: `redis://:${SECRET}@127.0.0.1:${port}` }).direct(TARGET, directiveWith()), away);
});

describe('PostgreSQL', { skip: withoutPostgres }, () => {
  let server: Postgres;
  before(async () => {
    server = await Postgres.start();
  });
  after(async () => {
    await server.stop();
  });

  test('without its table it says who makes it, and trying again is no use', async () => {
    const queues = postgresQueues({ url: server.url });
    const text = /no table sluice_guard\.releases: .*\{migrate: true\}.*migratePostgres\(pool, "sluice_guard"\)/;
    await assert.rejects(queues.direct(TARGET, directiveWith()), says('permanent', text));
    await assert.rejects(Promise.resolve(queues.epoch?.(TARGET)), says('permanent', text));
  });

  test('a database that is not there is permanent', async () => {
    const other = postgresQueues({ url: server.url.replace(/postgres$/, 'elsewhere') });
    await assert.rejects(other.direct(TARGET, directiveWith()), says('permanent', /database "elsewhere" does not exist/));
  });

  test('a user needs the rights that the guide names, and no others', async () => {
    const pool = server.pool();
    try {
      await migratePostgres(pool, 'sluice_guard');
      await pool.query('CREATE USER sluice LOGIN; GRANT USAGE ON SCHEMA sluice_guard TO sluice');
      const queues = postgresQueues({ url: server.url.replace('postgres@', 'sluice@') });
      await assert.rejects(queues.direct(TARGET, directiveWith()), says('permanent', /permission denied for table releases/));
      await pool.query('GRANT SELECT, INSERT, UPDATE ON sluice_guard.releases TO sluice');
      await queues.direct(TARGET, directiveWith({ sequence: 1 }));
      await queues.direct(TARGET, directiveWith({ sequence: 2 }));
      assert.equal(await queues.epoch?.(TARGET), directiveWith().ramp.epoch);
    } finally {
      await pool.end();
    }
  });
});

describe('Redis', { skip: withoutRedis }, () => {
  test('a password that is wrong is permanent; a server that is full is not', async () => {
    const guarded = await Redis.start(['--requirepass', 'another']);
    try {
      const wrong = redisQueues({ url: `redis://:${SECRET}@127.0.0.1:${guarded.port}` });
      await assert.rejects(wrong.direct(TARGET, directiveWith()), says('permanent', /WRONGPASS/));
    } finally {
      await guarded.stop();
    }
    const full = await Redis.start(['--maxmemory', '1', '--maxmemory-policy', 'noeviction']);
    try {
      await assert.rejects(redisQueues({ url: full.url }).direct(TARGET, directiveWith()), says('transient', /OOM/));
    } finally {
      await full.stop();
    }
  });
});
