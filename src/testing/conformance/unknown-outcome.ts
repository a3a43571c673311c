import assert from 'node:assert/strict';
import type { TrafficRouter } from '../../providers/ports.js';
import { LEASE_MS, ramp, type RouterPlay } from '../router-play.js';
import type { StartRouterStage } from '../router-stage.js';
import type { RouteIntent } from '../../domain/route.js';
import { ruleWith } from './rule.js';

/** A time-out means unknown: whoever reads, and then does the same again, ends where one call would have ended. */
export function unknownOutcomeRules(start: StartRouterStage): void {
  ruleWith(
    start,
    'losingAnswers',
    'a write whose answer is lost is a transient error, and the same write again concludes it',
    async (play, losing) => {
      const first = ramp('unknown', 1);
      for (const intent of [play.intent(first, 1, 5_000), play.intent(first, 2, 10_000)]) {
        await losing((router) => isTransient(router.apply(play.stage.target, intent, LEASE_MS)));
        await sameAgain(play, intent);
      }
      await play.everybodyIsOn('candidate');
    },
  );

  ruleWith(start, 'losingAnswers', 'a revocation whose answer is lost holds, and may be repeated', async (play, losing) => {
    const first = ramp('unknown', 1);
    await play.shift(first, 1, 10_000);
    await losing((router) => isTransient(router.revoke(play.stage.target, first)));
    await play.everybodyIsOn('stable');
    assert.equal((await play.revoke(first)).kind, 'revoked');
    assert.equal(await play.renew(first), 'revoked');
  });

  ruleWith(
    start,
    'losingAnswers',
    'a finalise whose answer is lost is concluded by the next one, durably',
    async (play, losing) => {
      const first = ramp('unknown', 1);
      await play.shift(first, 1, 10_000);
      await losing((router) => isTransient(router.finalise(play.stage.target, play.intent(first, 2, 0))));
      await play.everybodyIsOn('candidate');
      await play.converged(await play.finalise(first, 2));
      await play.stage.reload?.();
      await play.everybodyIsOn('candidate');
    },
  );

  ruleWith(start, 'losingAnswers', 'a finalise whose answer is lost may still be aborted, durably', async (play, losing) => {
    const first = ramp('unknown', 1);
    await play.shift(first, 1, 10_000);
    await losing((router) => isTransient(router.finalise(play.stage.target, play.intent(first, 2, 0))));
    await play.revoke(first);
    await play.converged(await play.apply(play.intent(first, 3, 0)));
    await play.everybodyIsOn('stable');
    await play.stage.reload?.();
    await play.everybodyIsOn('stable');
    assert.equal((await play.read()).stable?.id, play.stage.stable.id);
  });
}

async function isTransient(call: ReturnType<TrafficRouter['apply']>): Promise<void> {
  await assert.rejects(call, { name: 'ProviderError', kind: 'transient' });
}

async function sameAgain(play: RouterPlay, intent: RouteIntent): Promise<void> {
  const receipt = await play.apply(intent);
  assert.equal(receipt.kind, 'applied');
  await play.converged(receipt);
  const { sequence, candidateBp, ramp: stored } = await play.read();
  assert.deepEqual([sequence, candidateBp, stored], [intent.sequence, intent.candidateBp, intent.ramp]);
}
