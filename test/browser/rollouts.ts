/** The four rollouts that the browser looks at. The gates' sentences are worded as `judge/sentence.ts` words them. */
import type { Supervise, SuperviseResult } from '../../src/domain/effects.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { judged } from '../domain/world.js';
import { rehearsal } from '../workflow/bench.js';
import { failed, passed, type Script } from '../workflow/scripted.js';

export interface Shown {
  readonly plan: RolloutPlan;
  readonly script: Script;
}

const told = (result: SuperviseResult, sentence: string, over: { readonly gross?: boolean } = {}): SuperviseResult => ({
  ...result,
  judgement: judged(result.kind === 'failed' ? 'fail' : 'pass', 5_000, { ...over, sentence }),
});

const healthy = told(
  passed,
  '5xx: candidate 2 of 1,934 (0.10 %), stable 0.12 %: accepted: at most 31 extra bad requests at the next step (50 %).',
);
const slightlyWorse = told(
  failed,
  '5xx: candidate 61 of 2,410 (2.5 %), stable 0.10 %: at least 1.6 points worse (tolerance 0.05). Failed after 41 s. False-alarm budget used: 0.2 of 1 %.',
);
const muchWorse = told(
  failed,
  '5xx: candidate 602 of 1,204 (50.0 %), stable 0.10 %: at least 46 points worse (tolerance 0.05). Failed after 6 s. False-alarm budget used: 0.2 of 1 %.',
  { gross: true },
);

function plan(service: string, release: string, over: Partial<RolloutPlan> = {}): RolloutPlan {
  const base = rehearsal(service);
  return {
    ...base,
    candidate: { ...base.candidate, release },
    connections: { ...base.connections, notify: ['pager'] },
    digest: `plan of ${service} ${release}`,
    ...over,
  };
}

/** Passes every step but the named one, which fails so many times. */
function failing(step: number, times: number, failure: SuperviseResult): Script {
  let left = times;
  return {
    supervise: (supervise: Supervise) => {
      if (supervise.step === step && left > 0) {
        left -= 1;
        return failure;
      }
      return supervise.returnOnPass ? healthy : 'until-cancelled';
    },
  };
}

export const PROMOTED: Shown = { plan: plan('answer-api', '9f3c1e'), script: failing(0, 0, slightlyWorse) };
export const ROLLED_BACK: Shown = { plan: plan('search-api', '41d07b'), script: failing(3, 1, muchWorse) };
export const FROZEN: Shown = { plan: plan('ingest-api', 'c0ffee'), script: failing(2, 2, slightlyWorse) };
export const WAITING: Shown = {
  plan: plan('billing-api', '77ab21', { approvals: [{ beforeStep: 2, count: 1, approvers: [], notTheStarter: true }] }),
  script: failing(0, 0, slightlyWorse),
};
