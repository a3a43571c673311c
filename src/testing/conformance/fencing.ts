import assert from 'node:assert/strict';
import { ramp } from '../router-play.js';
import type { StartRouterStage } from '../router-stage.js';
import { rule, ruleWith } from './rule.js';

export function fencingRules(start: StartRouterStage): void {
  rule(start, 'an older sequence, or the same one with another weight, is superseded and moves nobody', async (play) => {
    const first = ramp('sequence', 1);
    await play.shift(first, 1, 500);
    await play.shift(first, 3, 5_000);
    await play.usersDoNotMove(async () => {
      for (const late of [play.intent(first, 1, 500), play.intent(first, 2, 10_000), play.intent(first, 3, 10_000)]) {
        const receipt = await play.apply(late);
        assert.equal(receipt.kind, 'superseded');
        assert.equal(await play.router.confirm(play.stage.target, receipt), 'superseded');
      }
    });
    assert.deepEqual([(await play.read()).sequence, (await play.read()).candidateBp], [3, 5_000]);
  });

  rule(start, 'a receipt of a write that the router does not have has failed', async (play) => {
    const first = ramp('missing', 1);
    const confirm = (sequence: number): Promise<string> =>
      play.router.confirm(play.stage.target, { kind: 'applied', ramp: first.id, sequence });
    assert.equal(await confirm(1), 'failed');
    await play.shift(first, 2, 2_500);
    assert.deepEqual([await confirm(1), await confirm(3)], ['superseded', 'failed']);
    assert.equal(await play.router.confirm(play.stage.target, { kind: 'revoked', ramp: first.id, sequence: 0 }), 'failed');
  });

  rule(start, 'from the answer to a revocation on nobody is on the candidate', async (play) => {
    const first = ramp('revoked', 1);
    await play.shift(first, 1, 10_000);
    await play.everybodyIsOn('candidate');
    assert.equal((await play.revoke(first)).kind, 'revoked');
    await play.everybodyIsOn('stable');
    const { lease, effectiveBp } = await play.read();
    assert.deepEqual([lease, effectiveBp], ['revoked', 0]);
  });

  rule(start, 'a revocation is for ever: no later write, renewal or repetition brings anybody back', async (play) => {
    const first = ramp('for-ever', 1);
    const written = await play.shift(first, 1, 10_000);
    for (let time = 0; time < 3; time++) assert.equal((await play.revoke(first)).kind, 'revoked');
    assert.equal(await play.renew(first), 'revoked');
    for (const sequence of [1, 2, 99]) assert.equal((await play.apply(play.intent(first, sequence, 10_000))).kind, 'revoked');
    assert.equal(await play.renew(first), 'revoked');
    assert.equal(await play.router.confirm(play.stage.target, written), 'superseded');
    await play.everybodyIsOn('stable');
  });

  rule(start, 'a ramp that was revoked before its first write never begins', async (play) => {
    const first = ramp('unborn', 1);
    const revoked = await play.revoke(first);
    assert.equal(revoked.kind, 'revoked');
    await play.converged(revoked);
    assert.equal((await play.apply(play.intent(first, 1, 10_000))).kind, 'revoked');
    assert.equal(await play.renew(first), 'revoked');
    await play.everybodyIsOn('stable');
  });

  rule(start, "the rollback's weight 0 is written on the revoked ramp and confirms", async (play) => {
    const first = ramp('rollback', 1);
    await play.shift(first, 1, 5_000);
    await play.revoke(first);
    const receipt = await play.apply(play.intent(first, 2, 0));
    assert.equal(receipt.kind, 'revoked');
    await play.converged(receipt);
    const route = await play.read();
    assert.deepEqual([route.candidateBp, route.effectiveBp, route.sequence, route.stable?.id], [0, 0, 2, play.stage.stable.id]);
    await play.everybodyIsOn('stable');
  });

  rule(start, 'late writes and renewals of an older ramp move nobody while a newer one is live', async (play) => {
    const [older, newer] = [ramp('older', 1), ramp('newer', 2)];
    await play.shift(older, 1, 10_000);
    const receipt = await play.shift(newer, 1, 5_000);
    await play.usersDoNotMove(async () => {
      assert.equal((await play.apply(play.intent(older, 9, 10_000))).kind, 'superseded');
      assert.equal((await play.apply(play.intent(older, 10, 0))).kind, 'superseded');
      assert.notEqual(await play.renew(older), 'renewed');
      await play.revoke(older);
    });
    await play.converged(receipt);
    assert.deepEqual((await play.read()).ramp, newer);
  });

  rule(start, 'ramps are ordered by their epoch, whoever comes first', async (play) => {
    const [newer, older, rival] = [ramp('newer', 5), ramp('older', 4), ramp('rival', 5)];
    await play.shift(newer, 1, 2_500);
    assert.equal((await play.apply(play.intent(older, 1, 10_000))).kind, 'superseded');
    assert.equal((await play.apply(play.intent(rival, 1, 10_000))).kind, 'superseded');
    assert.deepEqual([(await play.read()).ramp, (await play.read()).epoch], [newer, 5]);
    await play.shift(ramp('next', 6), 1, 0);
    assert.equal((await play.read()).epoch, 6);
  });

  rule(start, 'a ramp id that comes again with another epoch or owner is refused', async (play) => {
    const first = ramp('reused', 1);
    await play.shift(first, 1, 2_500);
    for (const other of [
      { ...first, epoch: 2 },
      { ...first, owner: 'somebody else' },
    ]) {
      await assert.rejects(play.apply(play.intent(other, 2, 10_000)), { name: 'ProviderError', kind: 'permanent' });
    }
    assert.deepEqual([(await play.read()).ramp, (await play.read()).candidateBp], [first, 2_500]);
  });

  rule(
    start,
    'a live ramp of another owner is refused by name and stays as it is, until its own rollout ends it',
    async (play) => {
      const [foreign, mine] = [ramp('foreign', 1, 'rollout/production/other'), ramp('mine', 2)];
      await play.shift(foreign, 1, 2_500);
      await play.usersDoNotMove(async () => {
        for (const weight of [0, 10_000]) {
          await assert.rejects(play.apply(play.intent(mine, 1, weight)), {
            name: 'ProviderError',
            kind: 'permanent',
            message: /rollout\/production\/other/,
          });
        }
        assert.equal(await play.renew(mine), 'lapsed');
      });
      assert.deepEqual([(await play.read()).ramp, (await play.read()).candidateBp], [foreign, 2_500]);
      await play.revoke(foreign);
      await play.shift(mine, 1, 10_000);
      await play.everybodyIsOn('candidate');
    },
  );

  ruleWith(start, 'reload', 'a revocation survives a reload', async (play, reload) => {
    const [first, unborn] = [ramp('kept', 1), ramp('unborn', 2)];
    await play.shift(first, 1, 10_000);
    await play.revoke(first);
    await play.revoke(unborn);
    await reload();
    assert.equal((await play.apply(play.intent(first, 2, 10_000))).kind, 'revoked');
    assert.equal((await play.apply(play.intent(unborn, 1, 10_000))).kind, 'revoked');
    assert.equal(await play.renew(first), 'revoked');
    await play.everybodyIsOn('stable');
  });
}
