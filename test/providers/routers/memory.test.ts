import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transient } from '../../../src/providers/errors.js';
import { MemoryRouter, type RouterCall } from '../../../src/testing/memory-router.js';
import { routerConformance, type RouterStage } from '../../../src/testing/router-conformance.js';

const target = { service: 'app', environment: 'production' };
const stable = { id: 'blue', slot: 'blue', release: 'r1' };
const candidate = { id: 'green', slot: 'green', release: 'r2' };

function startStage(): Promise<RouterStage> {
  let now = 1_700_000_000_000;
  let isLosing = false;
  const router = new MemoryRouter({
    now: () => now,
    after: () => {
      if (isLosing) throw transient('the answer was lost');
    },
  });
  router.introduce(target, stable);
  return Promise.resolve({
    router,
    target,
    stable,
    candidate,
    ask: (users) => Promise.resolve(users.map((user) => router.serve(target, user).id)),
    askAs: (callers) => Promise.resolve(callers.map((caller) => router.serve(target, caller).id)),
    follow: ({ headers }) => {
      const answeredBy = router.servePinned(target, headers)?.id;
      return Promise.resolve({ named: answeredBy, answeredBy: answeredBy ?? 'nobody' });
    },
    pass: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    openStream: (user) => {
      const { revision, end } = router.openStream(target, user);
      return Promise.resolve({
        end: () => {
          end();
          return Promise.resolve({ whole: true, revision: revision.id });
        },
      });
    },
    reload: () => {
      router.reload();
      return Promise.resolve();
    },
    losingAnswers: async (act) => {
      isLosing = true;
      await act(router).finally(() => {
        isLosing = false;
      });
    },
    stop: () => Promise.resolve(),
  });
}

routerConformance('the in-memory router', startStage);

void test('faults are given: before a call nothing has happened, after it everything has', async () => {
  const seen: RouterCall[] = [];
  const router = new MemoryRouter({
    now: () => 0,
    before: (call) => {
      seen.push(call);
      if (call.call === 'revoke') throw transient('down');
    },
  });
  router.introduce(target, stable);
  const ramp = { id: 'r2~1', epoch: 1, owner: 'me' };
  await router.apply(target, { stable, candidate, candidateBp: 10_000, ramp, sequence: 1, sticky: true }, 1_000);
  await assert.rejects(router.revoke(target, ramp), { kind: 'transient' });
  assert.equal(router.serve(target, 'somebody').id, 'green');
  assert.deepEqual(seen, router.calls);
  assert.deepEqual(
    seen.map(({ call, sequence }) => [call, sequence]),
    [
      ['apply', 1],
      ['revoke', undefined],
    ],
  );
});

void test('a router with coarse steps refuses what lies between them', async () => {
  const router = new MemoryRouter({ now: () => 0, capabilities: { stepBp: 100 } });
  router.introduce(target, stable);
  const intent = { stable, candidate, ramp: { id: 'r2~1', epoch: 1, owner: 'me' }, sequence: 1, sticky: true };
  await assert.rejects(router.apply(target, { ...intent, candidateBp: 150 }, 1_000), {
    kind: 'permanent',
    message: /multiples of 100/,
  });
  assert.equal((await router.apply(target, { ...intent, candidateBp: 200 }, 1_000)).kind, 'applied');
});

void test('services and environments do not share routes', async () => {
  const router = new MemoryRouter({ now: () => 0 });
  const elsewhere = { ...target, environment: 'staging' };
  router.introduce(target, stable);
  router.introduce(elsewhere, stable);
  const ramp = { id: 'r2~1', epoch: 1, owner: 'me' };
  await router.apply(target, { stable, candidate, candidateBp: 10_000, ramp, sequence: 1, sticky: true }, 1_000);
  assert.deepEqual([router.serve(target, 'x').id, router.serve(elsewhere, 'x').id], ['green', 'blue']);
});
