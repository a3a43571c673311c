import assert from 'node:assert/strict';
import { ramp, type RouterPlay } from '../router-play.js';
import type { StartRouterStage } from '../router-stage.js';
import type { Ramp } from '../../domain/words.js';
import { rule, ruleWith } from './rule.js';

export function promotionRules(start: StartRouterStage): void {
  rule(start, 'finalising makes the candidate stable, and the ramp powerless', async (play) => {
    const first = ramp('promoted', 1);
    await play.shift(first, 1, 10_000);
    const receipt = await play.finalise(first, 2);
    assert.deepEqual(receipt, { kind: 'applied', ramp: first.id, sequence: 2 });
    await play.converged(receipt);
    const route = await play.read();
    assert.deepEqual([route.stable?.id, route.lease, route.effectiveBp], [play.stage.candidate.id, 'revoked', 0]);
    await play.everybodyIsOn('candidate');
  });

  rule(start, 'late writes of a finalised ramp change nothing', async (play) => {
    const first = ramp('promoted', 1);
    await promoted(play, first);
    await lateWritesDoNothing(play, first);
    await play.everybodyIsOn('candidate');
  });

  rule(start, 'finalising twice is finalising once', async (play) => {
    const first = ramp('promoted', 1);
    await promoted(play, first);
    const again = await play.finalise(first, 3);
    assert.equal(again.kind, 'applied');
    await play.converged(again);
    await play.everybodyIsOn('candidate');
  });

  rule(start, 'a rolled-back ramp is not finalised', async (play) => {
    const first = ramp('rolled-back', 1);
    await play.shift(first, 1, 10_000);
    await play.revoke(first);
    assert.equal((await play.finalise(first, 2)).kind, 'revoked');
    assert.equal((await play.read()).stable?.id, play.stage.stable.id);
    await play.everybodyIsOn('stable');
  });

  rule(start, 'a ramp that another has superseded is not finalised', async (play) => {
    const [older, newer] = [ramp('older', 1), ramp('newer', 2)];
    await play.shift(older, 1, 10_000);
    await play.shift(newer, 1, 0);
    assert.equal((await play.finalise(older, 2)).kind, 'superseded');
    assert.equal((await play.read()).stable?.id, play.stage.stable.id);
  });

  rule(start, 'a ramp promotes the revision that it brought users to, and no other', async (play) => {
    const first = ramp('swapped', 1);
    const { stable, candidate, target } = play.stage;
    await play.shift(first, 1, 10_000);
    const swapped = play.intent(first, 2, 0, { stable: candidate, candidate: stable });
    await assert.rejects(play.router.finalise(target, swapped), { name: 'ProviderError', kind: 'permanent' });
    assert.deepEqual([(await play.read()).stable?.id, (await play.read()).effectiveBp], [stable.id, 10_000]);
  });

  rule(start, 'a ramp that lapsed is not finalised: it is revoked', async (play) => {
    const first = ramp('lapsed', 1);
    await play.shift(first, 1, 10_000, 1_000);
    await play.stage.pass(2_100);
    assert.equal((await play.finalise(first, 2)).kind, 'revoked');
    await play.everybodyIsOn('stable');
  });

  rule(start, 'a ramp that the router never had is not finalised', async (play) => {
    await assert.rejects(play.finalise(ramp('unknown', 1), 2), { name: 'ProviderError', kind: 'permanent' });
    await play.everybodyIsOn('stable');
  });

  ruleWith(
    start,
    'reload',
    'after a promotion and a reload nobody reaches the old revision, whatever comes late (A25)',
    async (play, reload) => {
      const first = ramp('promoted', 1);
      await promoted(play, first);
      await reload();
      await play.everybodyIsOn('candidate');
      await lateWritesDoNothing(play, first);
      assert.equal((await play.finalise(first, 3)).kind, 'applied');
      await reload();
      await play.everybodyIsOn('candidate');
      assert.equal((await play.read()).stable?.id, play.stage.candidate.id);
    },
  );

  rule(start, 'a rollback that the owner writes after the finalise brings stable back, for good', async (play) => {
    const first = ramp('regretted', 1);
    await promoted(play, first);
    await play.revoke(first);
    await play.converged(await play.apply(play.intent(first, 4, 0)));
    await play.everybodyIsOn('stable');
    assert.equal((await play.finalise(first, 3)).kind, 'revoked');
    assert.equal((await play.read()).stable?.id, play.stage.stable.id);
    await play.stage.reload?.();
    assert.equal((await play.finalise(first, 3)).kind, 'revoked');
    await play.everybodyIsOn('stable');
  });

  rule(start, 'the promoted revision is the ground for the next rollout, back to the old one', async (play) => {
    const [first, back] = [ramp('promoted', 1), ramp('back', 2)];
    await promoted(play, first);
    const { stable, candidate } = play.stage;
    const receipt = await play.apply(play.intent(back, 1, 10_000, { stable: candidate, candidate: stable }));
    await play.converged(receipt);
    await play.everybodyIsOn('stable');
    await play.revoke(back);
    await play.everybodyIsOn('candidate');
  });
}

async function promoted(play: RouterPlay, of: Ramp): Promise<void> {
  await play.shift(of, 1, 0);
  await play.shift(of, 2, 10_000);
  await play.converged(await play.finalise(of, 3));
}

/** Every write that the ramp has ever made, and a renewal, once more. */
async function lateWritesDoNothing(play: RouterPlay, of: Ramp): Promise<void> {
  const stable = (await play.read()).stable;
  for (const [sequence, weight] of [
    [1, 0],
    [2, 10_000],
    [3, 0],
  ] as const) {
    assert.notEqual((await play.apply(play.intent(of, sequence, weight))).kind, 'applied');
  }
  assert.equal(await play.renew(of), 'revoked');
  assert.deepEqual((await play.read()).stable, stable);
}
