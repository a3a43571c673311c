/** What the adapter makes of an edge that refuses, is away, or has moved on while a write was under way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdgeRouter, type EdgeRouterOptions } from '../../../src/providers/routers/edge/router.js';
import { startTestEdge, TOKEN, type TestEdge } from '../../dataplane/edge/support.js';
import { until } from '../../harness/until.js';
import { SlowControl } from './edge-support.js';

const target = { service: 'app', environment: 'production' };
const stable = { id: 'blue', slot: 'blue', release: 'release-1' };
const candidate = { id: 'green', slot: 'green', release: 'release-2' };
const ramp = (number: number) => ({ id: `release-2~${String(number)}`, epoch: number, owner: 'rollout/production/app' });
const intent = (number: number, sequence: number, candidateBp: number) => ({
  stable,
  candidate,
  candidateBp,
  ramp: ramp(number),
  sequence,
  sticky: true,
});
const LEASE_MS = 60_000;

interface Play {
  readonly edge: TestEdge;
  /** Directly to the edge. */
  readonly router: EdgeRouter;
  /** As another worker, through a control that holds back. */
  readonly slow: EdgeRouter;
  readonly control: SlowControl;
  readonly adapter: (options?: Partial<EdgeRouterOptions>) => EdgeRouter;
  readonly served: () => Promise<string>;
}

function edgeTest(title: string, play: (play: Play) => Promise<void>): void {
  void test(title, { timeout: 60_000 }, async () => {
    const edge = await startTestEdge();
    const control = await SlowControl.before(edge.edge.addresses.control.url);
    const { addresses } = edge.edge;
    const adapter = (options: Partial<EdgeRouterOptions> = {}): EdgeRouter =>
      new EdgeRouter({
        controlUrl: addresses.control.url,
        publicUrl: addresses.public.url,
        token: TOKEN,
        deadlineMs: 20_000,
        ...options,
      });
    try {
      await play({
        edge,
        control,
        adapter,
        router: adapter(),
        slow: adapter({ controlUrl: control.url }),
        served: async () => (await edge.get({ 'x-user-id': 'u' })).body,
      });
    } finally {
      await control.close();
      await edge.stop();
    }
  });
}

edgeTest(
  'a wrong token, an unknown service and an unknown slot are errors for good that say what to do',
  async ({ adapter, router }) => {
    await assert.rejects(adapter({ token: 'another-token-of-16' }).read(target), {
      kind: 'permanent',
      message: /refuses the token/,
    });
    await assert.rejects(router.read({ ...target, service: 'other' }), { kind: 'permanent', message: /known: app/ });
    await assert.rejects(router.apply(target, { ...intent(1, 1, 100), candidate: { ...candidate, slot: 'red' } }, LEASE_MS), {
      kind: 'permanent',
      message: /"red"/,
    });
  },
);

edgeTest('an edge that is away, or silent for too long, is an error that may pass', async ({ edge, adapter, slow, control }) => {
  const release = control.holdWrites();
  const impatient = adapter({ controlUrl: control.url, deadlineMs: 300 });
  await assert.rejects(impatient.apply(target, intent(1, 1, 100), LEASE_MS), {
    kind: 'transient',
    message: /no end within 300 ms; the outcome is unknown/,
  });
  release();
  await edge.edge.close();
  await assert.rejects(adapter().read(target), { kind: 'transient', message: /is the embedded edge running/ });
  await assert.rejects(slow.revoke(target, ramp(1)), { kind: 'transient' });
});

edgeTest(
  'a write that was decided before a revocation, and arrives after it, changes nothing and says so (I7)',
  async ({ router, slow, control, served }) => {
    await router.apply(target, intent(1, 1, 100), LEASE_MS);
    const release = control.holdWrites();
    const late = slow.apply(target, intent(1, 2, 10_000), LEASE_MS);
    await until(() => control.holding === 1, { withinMs: 10_000, what: 'the late write to be under way' });
    await router.revoke(target, ramp(1));
    release();
    assert.equal((await late).kind, 'revoked');
    assert.equal(await served(), 'blue');
  },
);

edgeTest('so it is with a newer ramp, a newer sequence and a promotion', async ({ router, slow, control, served }) => {
  const underWay = async (act: () => Promise<unknown>, meanwhile: () => Promise<unknown>): Promise<unknown> => {
    const release = control.holdWrites();
    const late = act();
    await until(() => control.holding === 1, { withinMs: 10_000, what: 'the late write to be under way' });
    await meanwhile();
    release();
    return late;
  };
  await router.apply(target, intent(1, 1, 100), LEASE_MS);
  const shift = await underWay(
    () => slow.apply(target, intent(1, 2, 10_000), LEASE_MS),
    () => router.apply(target, intent(1, 3, 0), LEASE_MS),
  );
  assert.deepEqual([shift, await served()], [{ kind: 'superseded', ramp: ramp(1).id, sequence: 2 }, 'blue']);
  const finalise = await underWay(
    () => slow.finalise(target, intent(1, 4, 10_000)),
    () => router.apply(target, intent(2, 1, 0), LEASE_MS),
  );
  assert.deepEqual([finalise, await served()], [{ kind: 'superseded', ramp: ramp(1).id, sequence: 4 }, 'blue']);
  await router.apply(target, intent(2, 2, 10_000), LEASE_MS);
  const rollback = await underWay(
    () => slow.apply(target, intent(2, 3, 500), LEASE_MS),
    () => router.finalise(target, intent(2, 4, 10_000)),
  );
  assert.deepEqual([rollback, await served()], [{ kind: 'revoked', ramp: ramp(2).id, sequence: 3 }, 'green']);
});

edgeTest(
  'a renewal that is under way while its lease ends, or its ramp is revoked, brings nobody back',
  async ({ edge, router, slow, control, served }) => {
    await router.apply(target, intent(1, 1, 10_000), 5_000);
    let release = control.holdWrites();
    const lapsing = slow.renew(target, ramp(1), 5_000);
    await until(() => control.holding === 1, { withinMs: 10_000, what: 'the renewal to be under way' });
    edge.pass(6_001);
    release();
    assert.deepEqual([await lapsing, await served()], ['lapsed', 'blue']);
    await router.apply(target, intent(2, 1, 10_000), LEASE_MS);
    release = control.holdWrites();
    const revoked = slow.renew(target, ramp(2), LEASE_MS);
    await until(() => control.holding === 1, { withinMs: 10_000, what: 'the renewal to be under way' });
    await router.revoke(target, ramp(2));
    release();
    assert.deepEqual([await revoked, await served()], ['revoked', 'blue']);
  },
);

edgeTest(
  'ten writers at once, and a revocation among them: whoever is last, nobody is on the candidate',
  async ({ adapter, router, served }) => {
    await router.apply(target, intent(1, 1, 0), LEASE_MS);
    const writers = Array.from({ length: 10 }, (_, number) => adapter().apply(target, intent(1, number + 2, 10_000), LEASE_MS));
    const [revocation, ...receipts] = await Promise.all([router.revoke(target, ramp(1)), ...writers]);
    assert.equal(revocation.kind, 'revoked');
    assert.ok(receipts.every(({ kind }) => ['applied', 'superseded', 'revoked'].includes(kind)));
    assert.equal(await served(), 'blue');
    assert.deepEqual([(await router.read(target)).lease, (await router.read(target)).effectiveBp], ['revoked', 0]);
  },
);
