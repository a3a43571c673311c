import assert from 'node:assert/strict';
import { LEASE_MS, OWNER, ramp } from '../router-play.js';
import type { StartRouterStage } from '../router-stage.js';
import { rule } from './rule.js';

export function weightRules(start: StartRouterStage): void {
  rule(start, 'a router without a rollout names its stable revision and no ramp', async (play) => {
    const route = await play.read();
    assert.equal(route.stable?.id, play.stage.stable.id);
    assert.deepEqual(
      [route.candidate, route.ramp, route.effectiveBp, route.lease, route.epoch],
      [undefined, undefined, 0, 'none', 0],
    );
    await play.everybodyIsOn('stable');
  });

  rule(start, 'weight 0 gives nobody and 10,000 everybody to the candidate, with and without stickiness', async (play) => {
    const first = ramp('exact', 1);
    await play.shift(first, 1, 0);
    await play.everybodyIsOn('stable');
    await play.shift(first, 2, 10_000);
    await play.everybodyIsOn('candidate');
    const { kind } = await play.apply(play.intent(first, 3, 10_000, { sticky: false }));
    assert.equal(kind, 'applied');
    await play.everybodyIsOn('candidate');
    await play.apply(play.intent(first, 4, 0, { sticky: false }));
    await play.everybodyIsOn('stable');
  });

  rule(start, 'the read-back says the whole of what was written', async (play) => {
    const { stable, candidate } = play.stage;
    const first = ramp('read-back', 1);
    await play.shift(first, 7, 2_500);
    const { liveServers, ...route } = await play.read();
    assert.ok(liveServers === undefined || liveServers > 0, 'a candidate that answers has live servers, where they are counted');
    assert.deepEqual(
      { ...route, at: 0 },
      { stable, candidate, effectiveBp: 2_500, candidateBp: 2_500, ramp: first, sequence: 7, lease: 'live', epoch: 1, at: 0 },
    );
  });

  rule(start, 'users of a bucket stay on the candidate while the weight rises (A17)', async (play) => {
    const first = ramp('monotone', 1);
    let before: ReadonlySet<string> = new Set();
    for (const [index, weight] of [500, 2_500, 5_000].entries()) {
      await play.shift(first, index + 1, weight);
      const now = await play.onCandidate(400);
      assert.ok(
        [...before].every((user) => now.has(user)),
        `somebody left the candidate at ${String(weight)}`,
      );
      const expected = (400 * weight) / 10_000;
      assert.ok(
        Math.abs(now.size - expected) <= 5 * Math.sqrt(expected),
        `${String(now.size)} of 400 users at ${String(weight)}`,
      );
      before = now;
    }
  });

  rule(start, 'a weight that cannot be exact is refused before anything is written', async (play) => {
    const { stepBp } = await play.router.describe(play.stage.target);
    const first = ramp('refused', 1);
    for (const weight of [-stepBp, -1, 10_001, 20_000, stepBp / 2, stepBp + 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(
        play.apply(play.intent(first, 1, weight)),
        { name: 'ProviderError', kind: 'permanent' },
        String(weight),
      );
    }
    assert.deepEqual([(await play.read()).ramp, (await play.read()).epoch], [undefined, 0]);
  });

  rule(start, 'a write that is no whole route is refused before anything is written', async (play) => {
    const { stable } = play.stage;
    const good = play.intent(ramp('refused', 1), 1, 100);
    const bad = [
      { ...good, sequence: 0 },
      { ...good, sequence: 1.5 },
      { ...good, candidate: stable },
      { ...good, ramp: { ...good.ramp, id: 'no.dots~1' } },
      { ...good, ramp: { ...good.ramp, id: 'a b~1' } },
      { ...good, ramp: { ...good.ramp, epoch: 0 } },
    ];
    for (const intent of bad) await assert.rejects(play.apply(intent), { name: 'ProviderError', kind: 'permanent' });
    for (const leaseMs of [0, -1, Number.NaN, 3_600_001])
      await assert.rejects(play.apply(good, leaseMs), { name: 'ProviderError', kind: 'permanent' });
    assert.equal((await play.read()).ramp, undefined);
  });

  rule(start, 'the same write twice is one write', async (play) => {
    const first = ramp('twice', 1);
    const one = await play.shift(first, 1, 5_000);
    await play.usersDoNotMove(async () => {
      assert.deepEqual(await play.shift(first, 1, 5_000), one);
    });
    assert.equal((await play.read()).sequence, 1);
  });

  rule(
    start,
    'what a rollout stands on is checked: a write that takes another revision for stable changes nothing',
    async (play) => {
      const { stable, candidate } = play.stage;
      const intent = play.intent(ramp('swapped', 1), 1, 5_000, { stable: candidate, candidate: stable });
      await assert.rejects(play.router.apply(play.stage.target, intent, LEASE_MS), { name: 'ProviderError', kind: 'permanent' });
      assert.equal((await play.read()).ramp, undefined);
      await play.everybodyIsOn('stable');
    },
  );

  rule(start, 'owners and releases with any characters come back as they were', async (play) => {
    const { stable, candidate } = play.stage;
    const strange = ramp('strange', 1, `${OWNER}; "quoted" \\ ü ~:.`);
    const release = 'v1.2.3+build/ü "x"';
    const receipt = await play.apply(play.intent(strange, 1, 100, { candidate: { ...candidate, release } }));
    await play.converged(receipt);
    const route = await play.read();
    assert.deepEqual([route.ramp, route.candidate?.release, route.stable?.release], [strange, release, stable.release]);
  });
}
