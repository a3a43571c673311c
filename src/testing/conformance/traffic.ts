import assert from 'node:assert/strict';
import { ramp, type RouterPlay } from '../router-play.js';
import type { StartRouterStage } from '../router-stage.js';
import { rule } from './rule.js';

export function trafficRules(start: StartRouterStage): void {
  rule(start, 'a pin reaches its revision at weight 0, at 10,000 and on a revoked ramp (R14)', async (play) => {
    const first = ramp('pinned', 1);
    await play.shift(first, 1, 0);
    await pinsAnswer(play);
    await play.shift(first, 2, 10_000);
    await pinsAnswer(play);
    await play.revoke(first);
    await pinsAnswer(play);
  });

  rule(
    start,
    'weight changes, a rollback and a promotion never end a stream, and each ends where it began (R16)',
    async (play) => {
      const [first, second] = [ramp('streams', 1), ramp('streams', 2)];
      const { stable, candidate, target } = play.stage;
      const early = await play.stage.openStream('early');
      await play.shift(first, 1, 10_000);
      const late = await play.stage.openStream('late');
      assert.equal((await play.router.inflight(target, candidate)).active, 1);
      await play.shift(first, 2, 2_500);
      await play.revoke(first);
      await play.apply(play.intent(first, 3, 0));
      await play.shift(second, 1, 10_000);
      await play.finalise(second, 2);
      const counts = [await play.router.inflight(target, stable), await play.router.inflight(target, candidate)];
      assert.deepEqual(
        counts.map((count) => [count.active, count.liveServers]),
        [
          [1, 1],
          [1, 1],
        ],
      );
      assert.deepEqual(await early.end(), { whole: true, revision: stable.id });
      assert.deepEqual(await late.end(), { whole: true, revision: candidate.id });
    },
  );
}

async function pinsAnswer({ router, stage }: RouterPlay): Promise<void> {
  for (const revision of [stage.stable, stage.candidate]) {
    const recipe = await router.probe(stage.target, revision);
    const { named, answeredBy } = await stage.follow(recipe);
    assert.deepEqual([named, answeredBy], [recipe.answeredBy.value, revision.id]);
  }
}
