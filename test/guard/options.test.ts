/** Options that cannot be meant, of everything that takes some: an error where it is set up, which says what was expected. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as sluice from '../../src/guard/index.js';
import { PINS } from './pins/support.js';

const store = new sluice.MemoryStore();
const guard = new sluice.Guard({ store, revision: 'green' });
const tenant = (): string => 'acme';
const handler = (): Response => new Response('ok');
const IDENTITY = { name: 'app', releaseId: 'r-1', revision: 'green' };
const service = new sluice.Service(IDENTITY);
const check = (): void => undefined;
const target = { service: 'app', environment: 'test' };
const source = { read: () => Promise.resolve(undefined) };

/** As from JavaScript, where nothing looks at types. */
const of = <Made>(make: (options: never) => Made) => make as (options: unknown) => Made;

const CASES: readonly [made: (options: unknown) => unknown, options: unknown, says: RegExp][] = [
  [
    of((options) => new sluice.Guard(options)),
    undefined,
    /^Guard takes its options as an object \(store, revision, .*\), and got of type undefined$/,
  ],
  [
    of((options) => new sluice.Guard(options)),
    { revision: 'green' },
    /^options\.store is missing: expected what openPostgresStore/,
  ],
  [
    of((options) => new sluice.Guard(options)),
    { store: {}, revision: 'green' },
    /^options\.store is of type object, expected what/,
  ],
  [
    of((options) => new sluice.Guard(options)),
    { store: Promise.resolve(store), revision: 'green' },
    /^options\.store is a promise: await it first, expected/,
  ],
  [
    of((options) => new sluice.Guard(options)),
    { store, revision: '' },
    /^options\.revision is empty, expected the revision that runs here$/,
  ],
  [
    of((options) => new sluice.Guard(options)),
    { store, revision: 'green', leaseMs: 5 },
    /^Guard knows no option "leaseMs"; it knows store, revision, /,
  ],
  [
    of((options) => new sluice.Guard(options)),
    { store, revision: 'green', storeTimeoutMs: Infinity },
    /^storeTimeoutMs is Infinity/,
  ],
  [
    of((options) => new sluice.Guard(options)),
    { store, revision: 'green', onEvent: 'log' },
    /^options\.onEvent is of type string, expected a function$/,
  ],
  [of((options) => sluice.expressGuard(guard, options)), undefined, /^expressGuard takes its options as an object/],
  [
    of((options) => sluice.expressGuard(guard, options)),
    { tenat: tenant },
    /^expressGuard knows no option "tenat"; it knows .*tenant/,
  ],
  [
    of((options) => sluice.expressGuard(guard, options)),
    { tenant: 'acme' },
    /^options\.tenant is of type string, expected a function that names whoever was authenticated$/,
  ],
  [
    of((options) => sluice.expressGuard(guard, options)),
    { tenant, methods: 'POST' },
    /^options\.methods is of type string, expected a list of methods/,
  ],
  [
    of((options) => sluice.expressGuard(guard, options)),
    { tenant, methods: [] },
    /^options\.methods is a list, expected a list of methods/,
  ],
  [of((options) => sluice.expressGuard(guard, options)), { tenant, meaning: 3 }, /^options\.meaning is 3, expected a function/],
  [
    of((options) => sluice.expressGuard(guard, options)),
    { tenant, bodyLimitBytes: -1 },
    /^options\.bodyLimitBytes is -1, expected a number of bytes above 0$/,
  ],
  [
    of((options) => sluice.expressGuard(guard, options)),
    { tenant, leaseMs: '10s' },
    /^leaseMs is of type string, it must be milliseconds/,
  ],
  [
    of((options) => sluice.expressGuard(options, { tenant })),
    undefined,
    /^the guard of expressGuard is missing: expected new Guard/,
  ],
  [of((options) => sluice.fastifyGuard(guard, options)), { tenant, route: check }, /^fastifyGuard knows no option "route"/],
  [
    of((options) => sluice.fetchGuard(guard, { tenant }, options)),
    undefined,
    /^the handler of fetchGuard is missing: expected a function$/,
  ],
  [
    of((options) => sluice.lambdaGuard(guard, options, () => Promise.resolve())),
    { tenant, streamTypes: 'text/x' },
    /^options\.streamTypes is of type string, expected a list of media types$/,
  ],
  [
    of((options) => sluice.guardJob(guard, options, check)),
    { name: 'j', tenant, key: tenant, lease: 5 },
    /^guardJob knows no option "lease"/,
  ],
  [
    of((options) => sluice.guardJob(guard, { name: 'j', tenant, key: tenant }, options)),
    undefined,
    /^the function of guardJob is missing/,
  ],
  [of((options) => new sluice.Service(options)), {}, /^options\.name is missing: expected as the rollout names it$/],
  [
    of((options) => new sluice.Service(options)),
    { ...IDENTITY, endpoints: 'own' },
    /^options\.endpoints is of type string, expected "here" or "apart"$/,
  ],
  [
    of((options) => new sluice.Service(options)),
    { ...IDENTITY, warmUp: { cache: check } },
    /^options\.model is missing: expected a function that touches it/,
  ],
  [
    of((options) => new sluice.Service(options)),
    { ...IDENTITY, parts: ['schemapins'] },
    /^a part is of type string, expected .*"schema-pins"/,
  ],
  [
    of((options) => new sluice.Service(options)),
    { ...IDENTITY, paths: { metric: false } },
    /^options\.paths knows no option "metric"/,
  ],
  [
    of((options) => new sluice.Service(options)),
    { ...IDENTITY, paths: { metrics: 'metrics' } },
    /^options\.metrics is of type string, expected a path/,
  ],
  [of((options) => service.guard(options)), { store, revision: 'z' }, /^service\.guard knows no option "revision"/],
  [
    of((part) => {
      service.turnOn(part);
    }),
    'pins',
    /^the part is of type string, expected/,
  ],
  [
    of((read) => {
      service.queueAge('q', read);
    }),
    5,
    /^the age of the queue is 5, expected a function that gives seconds$/,
  ],
  [of((options) => sluice.drain(service, options)), { server: 5 }, /^options\.server is 5, expected a server of node:http$/],
  [
    of((options) => sluice.drain(service, options)),
    { settleMs: -1 },
    /^options\.settleMs is -1, expected milliseconds, 0 or more$/,
  ],
  [
    of((options) => sluice.expressPins(options)),
    { pins: PINS },
    /^options\.revision is missing: expected the revision that runs here$/,
  ],
  [
    of((options) => sluice.expressPins(options)),
    { pins: PINS, revision: 'green', mode: 'Observe' },
    /^options\.mode is of type string, expected "enforce" or "observe"$/,
  ],
  [of((options) => sluice.pinnedFetch(options)), {}, /^options\.pins is missing: expected the schema pins/],
  [of((options) => sluice.pinnedFetch(options)), { pins: PINS, answer: 'same' }, /^pinnedFetch knows no option "answer"/],
  [of((options) => sluice.retryingFetch(options)), { budgetMs: 5, tries: 9 }, /^retryingFetch knows no option "tries"/],
  [of((options) => sluice.openReleaseRecord(options)), {}, /^options\.source is missing: expected what postgresReleases/],
  [of((options) => sluice.openReleaseRecord(options)), { source, target, cacheMs: -5 }, /^cacheMs is -5/],
  [
    of((options) => sluice.openReleaseRecord(options)),
    { source, target: { service: 'app' } },
    /^options\.environment is missing/,
  ],
  [
    of((command) => sluice.openRedisStore(command)),
    { get: check },
    /^the Redis command is of type object, expected a function that sends one: nodeRedis\(client\) makes it$/,
  ],
  [of((client) => sluice.nodeRedis(client)), undefined, /^the client is missing: expected a client of the package redis/],
  [
    of((pool) => sluice.openPostgresStore(pool)),
    'postgres://user:secret@host',
    /^the pool is of type string, expected a Pool of pg$/,
  ],
  [
    of((options) => sluice.receive(guard as never, options, { sourceId: 's', eventRev: 1, indexHash: 'h' }, check)),
    { tenant: 'acme' },
    /^options\.name is missing/,
  ],
  [
    of(() => guard.tx.call(guard as never, {} as never, check as never)),
    undefined,
    /^guard\.tx needs a store with transactions: one of openPostgresStore/,
  ],
];

test('each mistake is an error that says what was expected, and never what was given', async () => {
  for (const [make, options, says] of CASES)
    await assert.rejects(
      () => Promise.resolve(options).then(make),
      (error: Error) => {
        assert.match(error.message, says);
        assert.ok(error instanceof TypeError || error instanceof RangeError, error.message);
        assert.ok(!error.message.includes('secret'), error.message);
        return true;
      },
    );
});

test('a time that is a text would be joined to others and not added', () => {
  for (const [options, says] of [
    [{ leaseMs: '10000' }, /^RangeError: leaseMs is of type string/],
    [{ retainMs: '86400000' }, /^RangeError: retainMs is of type string/],
  ] as const)
    assert.throws(() => of((given) => sluice.expressGuard(guard, given))({ tenant, ...options }), says);
  assert.throws(
    () => of((given) => new sluice.Guard(given))({ store, revision: 'r', storeTimeoutMs: '1000' }),
    /storeTimeoutMs is of type/,
  );
});

test('options that say nothing, or no limit at all, are taken', () => {
  assert.doesNotThrow(() => sluice.expressGuard(guard, { tenant, streamTypes: [], bodyLimitBytes: Infinity }));
  assert.doesNotThrow(() => of((given) => service.guard(given))({ store, revision: undefined }));
});

test('what is undefined was not given', () => {
  const given = { tenant, methods: undefined, streamTypes: undefined, mode: undefined, leaseMs: undefined };
  assert.equal(typeof sluice.fetchGuard(guard, given, handler), 'function');
});
