/** `guard.run`: who runs, who is answered from the record, who is refused, and what is known when it went wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../../src/guard/outcome.js';
import { NothingDone } from '../../src/guard/refusal.js';
import { RETAIN_DEFAULT_MS, RETAIN_FLOOR_MS } from '../../src/guard/spec.js';
import { until } from '../harness/until.js';
import { bench, gate, outcome, spec, textOf } from './support.js';

test('an identical retry after completion gets the stored answer and does not run again', async () => {
  const { guard, kinds } = bench();
  let effects = 0;
  const run = () => guard.run(spec(), () => outcome(201, `effect ${String(++effects)}`));
  const first = await run();
  assert.ok(first.kind === 'executed' && first.attempt === 1);
  for (let times = 0; times < 3; times++) {
    const again = await run();
    assert.ok(again.kind === 'replayed');
    assert.equal(again.record.status, 201);
    assert.equal(textOf(again.record.body), 'effect 1');
  }
  assert.equal(effects, 1);
  assert.deepEqual(kinds(), ['executed', 'replayed', 'replayed', 'replayed']);
});

test('of a hundred concurrent calls one runs and the others are told to wait', async () => {
  const { guard } = bench();
  const { opened, open } = gate();
  let effects = 0;
  const calls = Array.from({ length: 100 }, () =>
    guard.run(spec(), async () => {
      effects++;
      await opened;
      return outcome();
    }),
  );
  const others = calls.slice(1);
  for (const other of await Promise.all(others)) {
    assert.ok(other.kind === 'refused' && other.refusal.kind === 'outstanding');
    assert.ok(other.refusal.retryMs > 0);
  }
  open();
  assert.equal((await calls[0])?.kind, 'executed');
  assert.equal(effects, 1);
});

test('another request under the same key is refused, while the first runs and afterwards', async () => {
  const { guard } = bench();
  const { opened, open } = gate();
  const first = guard.run(spec(), async () => {
    await opened;
    return outcome();
  });
  const other = () => guard.run(spec({ fingerprint: 'v1:b' }), () => assert.fail('it ran'));
  assert.deepEqual(await other(), { kind: 'refused', refusal: { kind: 'mismatch' } });
  open();
  await first;
  assert.deepEqual(await other(), { kind: 'refused', refusal: { kind: 'mismatch' } });
});

test('the same key of another tenant, method or route is another request', async () => {
  const { guard } = bench();
  const { scope } = spec();
  const scopes = [scope, { ...scope, tenant: 'other' }, { ...scope, method: 'PUT' }, { ...scope, route: '/refunds' }];
  for (const each of scopes) assert.equal((await guard.run(spec({ scope: each }), () => outcome())).kind, 'executed');
});

test('a throw after the effect is unknown: the retry is refused and does not repeat the effect', async () => {
  const { guard, kinds } = bench();
  let effects = 0;
  const failing = guard.run(spec(), () => {
    effects++;
    throw new Error('after the effect');
  });
  await assert.rejects(failing, /after the effect/);
  for (let times = 0; times < 3; times++) {
    const again = await guard.run(spec(), () => assert.fail('it ran'));
    assert.deepEqual(again, { kind: 'refused', refusal: { kind: 'unknown' } });
  }
  assert.equal(effects, 1);
  assert.deepEqual(kinds(), ['executed', 'unknown', 'unknown', 'unknown']);
});

test('with `reexecute` the attempt after a throw runs, and knows that it is the second', async () => {
  const { guard, kinds } = bench();
  await assert.rejects(
    guard.run(spec(), () => {
      throw new Error('lost');
    }),
  );
  const attempts: number[] = [];
  const again = await guard.run(spec({ onLost: 'reexecute' }), ({ attempt }) => {
    attempts.push(attempt);
    return outcome();
  });
  assert.ok(again.kind === 'executed' && again.attempt === 2);
  assert.deepEqual(attempts, [2]);
  assert.deepEqual(kinds(), ['executed', 'takeover']);
});

test('a 5xx is sent but never stored, so that a bad candidate’s error is not the answer after a rollback', async () => {
  const candidate = bench({ revision: 'candidate' });
  const first = await candidate.guard.run(spec(), () => outcome(500, 'broken'));
  assert.ok(first.kind === 'executed' && first.outcome.status === 500);
  const again = await candidate.guard.run(spec({ onLost: 'reexecute' }), () => outcome(201, 'whole'));
  assert.ok(again.kind === 'executed' && again.outcome.status === 201);
  const third = await candidate.guard.run(spec(), () => assert.fail('it ran'));
  assert.ok(third.kind === 'replayed' && third.record.status === 201);
});

test('a 4xx is a result like a 2xx and is replayed', async () => {
  const { guard } = bench();
  for (const status of [204, 303, 400, 404, 409, 422]) {
    const own = spec({ scope: { ...spec().scope, key: String(status) } });
    await guard.run(own, () => outcome(status));
    const again = await guard.run(own, () => assert.fail('it ran'));
    assert.ok(again.kind === 'replayed' && again.record.status === status);
  }
});

test('an answer by which the service did not take the request up leaves the key free (R23: clients send it again)', async () => {
  const { guard } = bench();
  for (const status of [408, 425, 429]) {
    const own = spec({ scope: { ...spec().scope, key: String(status) } });
    await guard.run(own, () => outcome(status));
    const again = await guard.run(own, () => outcome(201));
    assert.ok(again.kind === 'executed' && again.attempt === 1);
  }
});

test('a handler that knows that nothing happened says so, and the next run is a first one', async () => {
  const { guard } = bench();
  await assert.rejects(
    guard.run(spec(), () => {
      throw new NothingDone('no connection');
    }),
  );
  const again = await guard.run(spec(), () => outcome());
  assert.ok(again.kind === 'executed' && again.attempt === 1);
});

test('headers are kept however their names are written', async () => {
  const { guard } = bench();
  await guard.run(spec(), () => outcome(201, 'made', { Location: '/o/1' }));
  const again = await guard.run(spec(), () => assert.fail('it ran'));
  assert.ok(again.kind === 'replayed' && again.record.headers['location'] === '/o/1');
});

test('a function that returns no outcome is told what one is, and what it did is unknown', async () => {
  const { guard } = bench();
  for (const [key, returned, found] of [
    ['text', 'made', 'of type string'],
    ['nothing', undefined, 'of type undefined'],
    ['half', { status: 200, headers: {} }, '["status","headers"]'],
    ['text-body', { ...outcome(), body: 'made' }, '["status","headers","body"]'],
  ] as const) {
    const own = spec({ scope: { ...spec().scope, key } });
    await assert.rejects(
      guard.run(own, () => returned as unknown as Outcome),
      {
        name: 'TypeError',
        message: `what the function of guard.run returned is no outcome (${found}): expected {status: 200, headers: {}, body: {kind: 'bytes', bytes}}`,
      },
    );
    assert.deepEqual(await guard.run(own, () => assert.fail('it ran')), { kind: 'refused', refusal: { kind: 'unknown' } });
  }
});

test('after a crash the key is blocked for the lease, not for the whole retention', async () => {
  const { guard, pass } = bench();
  const crashed = await guard.begin(spec({ leaseMs: 5_000 }));
  assert.ok(crashed.kind === 'execute');
  crashed.execution.leave();
  const busy = await guard.run(spec(), () => assert.fail('it ran'));
  assert.ok(busy.kind === 'refused' && busy.refusal.kind === 'outstanding' && busy.refusal.retryMs === 5_000);
  pass(5_000);
  assert.deepEqual(await guard.run(spec(), () => assert.fail('it ran')), { kind: 'refused', refusal: { kind: 'unknown' } });
  const again = await guard.run(spec({ onLost: 'reexecute' }), () => outcome());
  assert.ok(again.kind === 'executed' && again.attempt === 2);
});

test('a stale owner neither overwrites its successor nor is acknowledged', async () => {
  const { guard, pass, kinds } = bench();
  const { opened, open } = gate();
  const stale = guard.run(spec({ leaseMs: 1_000_000 }), async () => {
    await opened;
    return outcome(201, 'stale');
  });
  pass(1_000_001);
  const successor = await guard.run(spec({ onLost: 'reexecute' }), () => outcome(201, 'successor'));
  assert.equal(successor.kind, 'executed');
  open();
  assert.deepEqual(await stale, { kind: 'refused', refusal: { kind: 'superseded' } });
  const replayed = await guard.run(spec(), () => assert.fail('it ran'));
  assert.ok(replayed.kind === 'replayed');
  assert.equal(textOf(replayed.record.body), 'successor');
  assert.ok(kinds().includes('superseded'));
});

test('a worker that is slow but alive keeps its claim, and one that lost it is told while it works', async () => {
  const { guard, store, pass } = bench();
  const { opened, open } = gate();
  let signal: AbortSignal | undefined;
  const slow = guard.run(spec({ leaseMs: 60 }), async (context) => {
    signal = context.signal;
    await opened;
    return outcome();
  });
  pass(50);
  const renewals = store.calls.filter((call) => call === 'renew').length;
  await until(() => store.calls.filter((call) => call === 'renew').length > renewals, { withinMs: 5_000, what: 'a renewal' });
  pass(50);
  assert.equal((await guard.run(spec(), () => assert.fail('it ran'))).kind, 'refused');
  assert.equal(signal?.aborted, false);
  store.faults.renew = 'hangs';
  await until(() => signal?.aborted, { withinMs: 5_000, what: 'the signal that the claim is lost' });
  open();
  assert.equal((await slow).kind, 'executed');
});

test('renewals end with the run', async () => {
  const { guard, store } = bench();
  await guard.run(spec({ leaseMs: 3 }), () => outcome());
  const renewals = store.calls.length;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(store.calls.length, renewals);
});

test('while the store is away nothing runs, and the caller is told when to come again', async () => {
  for (const fault of ['fails', 'hangs'] as const) {
    const { guard, store, kinds } = bench();
    store.faults.claim = fault;
    const refused = await guard.run(spec(), () => assert.fail('it ran'));
    assert.deepEqual(refused, { kind: 'refused', refusal: { kind: 'store-down', retryMs: 200, effect: 'none' } });
    assert.deepEqual(kinds(), ['store-error', 'store-down']);
  }
});

test('a route may choose to run unguarded while the store is away, and that is counted', async () => {
  const { guard, store, kinds } = bench();
  store.faults.claim = 'fails';
  assert.equal((await guard.run(spec({ onStoreDown: 'run' }), () => outcome())).kind, 'executed');
  assert.deepEqual(kinds(), ['store-error', 'failed-open']);
});

test('an effect whose record could not be sealed is not acknowledged, and the next attempt knows of it (X19)', async () => {
  const { guard, store, pass } = bench();
  store.faults.complete = 'fails';
  const unsealed = await guard.run(spec(), () => outcome());
  assert.deepEqual(unsealed, { kind: 'refused', refusal: { kind: 'store-down', retryMs: 200, effect: 'unknown' } });
  store.faults.complete = undefined;
  pass(10_000);
  const again = await guard.run(spec(), () => assert.fail('it ran'));
  assert.deepEqual(again, { kind: 'refused', refusal: { kind: 'unknown' } });
});

test('a seal that fails once is tried again', async () => {
  const { guard, store, kinds } = bench();
  store.faults.complete = 'fails once';
  assert.equal((await guard.run(spec(), () => outcome())).kind, 'executed');
  assert.equal((await guard.run(spec(), () => assert.fail('it ran'))).kind, 'replayed');
  assert.deepEqual(kinds(), ['executed', 'store-error', 'replayed']);
});

test('a claim that comes through after the time limit is given back, and does not count as an attempt', async () => {
  const { guard, store } = bench({ storeTimeoutMs: 20 });
  store.faults.claim = 'late';
  assert.equal((await guard.run(spec(), () => assert.fail('it ran'))).kind, 'refused');
  store.faults.claim = undefined;
  store.answer();
  await until(() => store.calls.includes('release'), { withinMs: 5_000, what: 'the release of the late claim' });
  const next = await guard.run(spec(), () => outcome());
  assert.ok(next.kind === 'executed' && next.attempt === 1);
});

test('observing runs everything, counts what enforcing would have done, and stores what it will need', async () => {
  const { guard, events, store } = bench();
  const observe = (change = {}) => guard.run(spec({ mode: 'observe', ...change }), () => outcome());
  for (const change of [{}, {}, { fingerprint: 'v1:b' }]) assert.equal((await observe(change)).kind, 'executed');
  store.faults.claim = 'hangs';
  assert.equal((await observe()).kind, 'executed');
  assert.deepEqual(
    events.map(({ kind, observed }) => `${kind} ${String(observed)}`),
    ['executed true', 'replayed true', 'mismatch true', 'store-error true', 'store-down true'],
  );
});

test('observing sends what the handler answered even if its record could not be sealed', async () => {
  const { guard, store } = bench();
  store.faults.complete = 'fails';
  assert.equal((await guard.run(spec({ mode: 'observe' }), () => outcome())).kind, 'executed');
});

test('a metric sink that throws harms no request', async () => {
  const { store } = bench();
  const { Guard } = await import('../../src/guard/guard.js');
  const guard = new Guard({
    store,
    revision: 'green',
    onEvent: () => {
      throw new Error('sink');
    },
  });
  assert.equal((await guard.run(spec(), () => outcome())).kind, 'executed');
});

test('keys are kept for at least 24 hours, by default for the longest freeze and a day (R20, A13)', async () => {
  const { guard } = bench();
  assert.equal(RETAIN_DEFAULT_MS, 96 * 3_600_000);
  await assert.rejects(
    guard.run(spec({ retainMs: RETAIN_FLOOR_MS - 1 }), () => outcome()),
    /at least 24 h/,
  );
  await assert.rejects(
    guard.run(spec({ retainMs: Number.NaN }), () => outcome()),
    RangeError,
  );
});

test('a mistake in the program is an error and not a refusal: no tenant, no lease, no key', async () => {
  const { guard } = bench();
  const { scope } = spec();
  await assert.rejects(
    guard.run(spec({ scope: { ...scope, tenant: '' } }), () => outcome()),
    /tenant is empty/,
  );
  // What JavaScript brings: all callers would be one.
  for (const tenant of [undefined, null, 7, Promise.resolve('acme')] as unknown as string[])
    await assert.rejects(
      guard.run(spec({ scope: { ...scope, tenant } }), () => outcome()),
      /the tenant is of type \w+: expected the name/,
    );
  await assert.rejects(
    guard.run(spec({ scope: { ...scope, key: 'é' } }), () => outcome()),
    /printable/,
  );
  await assert.rejects(
    guard.run(spec({ leaseMs: 0 }), () => outcome()),
    /leaseMs/,
  );
});

test('a copy of the context has all of it', async () => {
  const { guard } = bench();
  await guard.run(spec(), (context) => {
    const copy = { ...context };
    assert.deepEqual(Reflect.ownKeys(copy), ['attempt', 'token', 'signal']);
    assert.equal(copy.signal, context.signal);
    for (const made of [new Proxy(context, {}), Object.create(context) as typeof context])
      assert.equal(made.signal, context.signal);
    return outcome();
  });
});
