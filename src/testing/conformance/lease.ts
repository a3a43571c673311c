import assert from 'node:assert/strict';
import { ramp } from '../router-play.js';
import type { StartRouterStage } from '../router-stage.js';
import { rule, ruleWith } from './rule.js';

/** Routers may round leases up to whole seconds. */
const SHORT_MS = 1_000;
const OVER_MS = 2_100;

export function leaseRules(start: StartRouterStage): void {
  rule(start, "without renewal users return by the router's clock, and a late renewal does not bring them back", async (play) => {
    const first = ramp('lapsing', 1);
    const written = await play.shift(first, 1, 10_000, SHORT_MS);
    await play.stage.pass(OVER_MS);
    await play.everybodyIsOn('stable');
    assert.deepEqual(
      [(await play.read()).lease, (await play.read()).effectiveBp, (await play.read()).candidateBp],
      ['lapsed', 0, 10_000],
    );
    assert.equal(await play.renew(first), 'lapsed');
    assert.equal(await play.router.confirm(play.stage.target, written), 'failed');
    await play.everybodyIsOn('stable');
  });

  rule(start, 'a renewed lease lives on, and a shorter renewal does not shorten it', async (play) => {
    const first = ramp('renewed', 1);
    await play.shift(first, 1, 10_000, SHORT_MS);
    assert.equal(await play.renew(first), 'renewed');
    assert.equal(await play.renew(first, 1), 'renewed');
    await play.stage.pass(OVER_MS);
    await play.everybodyIsOn('candidate');
    assert.equal((await play.read()).lease, 'live');
  });

  rule(start, 'a ramp that the router does not know has nothing to renew', async (play) => {
    assert.equal(await play.renew(ramp('unknown', 1)), 'lapsed');
    assert.equal((await play.read()).ramp, undefined);
  });

  rule(start, 'a ramp that lapsed with users on the candidate is not raised again: the write revokes it', async (play) => {
    const [first, second] = [ramp('lost', 1), ramp('lost', 2)];
    await play.shift(first, 1, 2_500, SHORT_MS);
    await play.stage.pass(OVER_MS);
    assert.equal((await play.apply(play.intent(first, 2, 5_000))).kind, 'revoked');
    await play.everybodyIsOn('stable');
    assert.equal(await play.renew(first), 'revoked');
    await play.shift(second, 1, 10_000);
    await play.everybodyIsOn('candidate');
  });

  rule(start, 'the same write again does not revive a ramp that lapsed: it revokes it', async (play) => {
    const first = ramp('repeated', 1);
    await play.shift(first, 1, 10_000, SHORT_MS);
    await play.stage.pass(OVER_MS);
    assert.equal((await play.apply(play.intent(first, 1, 10_000))).kind, 'revoked');
    await play.everybodyIsOn('stable');
  });

  rule(start, 'a lapse at weight 0 loses nothing: the raising write begins the lease', async (play) => {
    const first = ramp('opened', 1);
    await play.shift(first, 1, 0, SHORT_MS);
    await play.stage.pass(OVER_MS);
    await play.shift(first, 1, 0, SHORT_MS);
    assert.equal((await play.read()).lease, 'live');
    await play.stage.pass(OVER_MS);
    await play.shift(first, 2, 10_000);
    await play.everybodyIsOn('candidate');
  });

  rule(start, 'a lapsed ramp of another owner may be taken over, and its owner comes too late', async (play) => {
    const [foreign, mine] = [ramp('foreign', 1, 'rollout/production/other'), ramp('mine', 2)];
    await play.shift(foreign, 1, 2_500, SHORT_MS);
    await play.stage.pass(OVER_MS);
    await play.shift(mine, 1, 0);
    assert.equal((await play.apply(play.intent(foreign, 2, 10_000))).kind, 'superseded');
    await play.everybodyIsOn('stable');
  });

  ruleWith(
    start,
    'reload',
    'after a reload stable serves, the ramp is lost, and its epoch and owner are known',
    async (play, reload) => {
      const first = ramp('reloaded', 3);
      await play.shift(first, 1, 10_000);
      await reload();
      await play.everybodyIsOn('stable');
      const route = await play.read();
      assert.equal(route.effectiveBp, 0);
      assert.notEqual(route.lease, 'live');
      assert.deepEqual([route.ramp, route.epoch], [first, 3]);
      assert.equal(await play.renew(first), 'lapsed');
      assert.equal((await play.apply(play.intent(first, 2, 10_000))).kind, 'revoked');
      await play.everybodyIsOn('stable');
      assert.equal((await play.apply(play.intent(ramp('rival', 3), 1, 10_000))).kind, 'superseded');
      await play.shift(ramp('reloaded', 4), 1, 10_000);
      await play.everybodyIsOn('candidate');
    },
  );

  ruleWith(start, 'reload', 'a ramp that was lost at weight 0 may be opened again', async (play, reload) => {
    const first = ramp('reopened', 1);
    await play.shift(first, 1, 0);
    await reload();
    await play.shift(first, 1, 0);
    await play.shift(first, 2, 10_000);
    await play.everybodyIsOn('candidate');
  });
}
