/** One table of paths: the scenario test runs each on a real server, the recorder keeps its history, the replay test replays it. */
import type { RolloutInput } from '../../src/contract/rollout.js';
import type { Answer, MessageKind } from '../../src/domain/messages.js';
import type { OutcomeKind } from '../../src/domain/outcome.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import type { SuperviseResult } from '../../src/domain/effects.js';
import { planWith } from '../domain/plans.js';
import { judged } from '../domain/world.js';
import { until } from '../harness/until.js';
import { inPhase, statusOf, type Rollout } from './bench.js';
import { failed, passed, type Script } from './scripted.js';

export interface Scenario {
  readonly name: string;
  readonly outcome: OutcomeKind;
  readonly script: () => Script;
  readonly plan?: Partial<RolloutPlan>;
  readonly input?: Partial<RolloutInput>;
  /** What people do meanwhile. */
  readonly drive?: (rollout: Rollout) => Promise<void>;
}

/** Fails the gate at a step, so many times; passes everywhere else. */
function failing(step: number, times: number, result: SuperviseResult = failed): () => Script {
  return () => {
    let left = times;
    return {
      supervise: (supervise) => {
        if (supervise.step !== step || left === 0) return supervise.returnOnPass ? passed : 'until-cancelled';
        left -= 1;
        return result;
      },
    };
  };
}

/** Stays at a step until something else happens. */
const holding =
  (step: number): (() => Script) =>
  () => ({ supervise: (supervise) => (supervise.step < step && supervise.returnOnPass ? passed : 'until-cancelled') });

const send = async ({ handle }: Rollout, kind: MessageKind, body: object = { by: 'ann', reason: 'because' }): Promise<Answer> =>
  handle.executeUpdate<Answer, [object]>(kind, { args: [body] });

const base = planWith();
const seconds = (limits: Partial<RolloutPlan['limits']>): Partial<RolloutPlan> => ({ limits: { ...base.limits, ...limits } });
const blind: SuperviseResult = {
  kind: 'changed',
  condition: 'blind',
  evidence: 1,
  cursors: {},
  judgement: judged('blind', 1_000),
};
const lapsed: SuperviseResult = { kind: 'lapsed', condition: 'judging', forMs: 1_000, evidence: 1, cursors: {} };
const gross: SuperviseResult = { ...failed, judgement: judged('fail', 1_000, { gross: true }) };
const difference = { stable: { schemaRev: 7 }, candidate: { schemaRev: 8 }, text: 'SCHEMA_REV 7 against 8' };

export const SCENARIOS: readonly Scenario[] = [
  { name: 'promoted', outcome: 'promoted', script: () => ({}) },
  { name: 'promoted-in-several-runs', outcome: 'promoted', script: () => ({}), input: { continueAfterEvents: 60 } },
  { name: 'gate-fails-once-at-1-then-promoted', outcome: 'promoted', script: failing(0, 1) },
  { name: 'gate-fails-once-at-25-then-promoted', outcome: 'promoted', script: failing(2, 1) },
  { name: 'gross-failure-at-50', outcome: 'rolled-back', script: failing(3, 1, gross) },
  { name: 'failure-in-the-bake', outcome: 'rolled-back', script: failing(4, 1) },
  {
    name: 'second-failure-freezes-then-retry-promotes',
    outcome: 'promoted',
    script: failing(2, 2),
    drive: async (rollout) => {
      await inPhase(rollout, 'frozen');
      await send(rollout, 'retry');
    },
  },
  {
    name: 'frozen-then-abort',
    outcome: 'rolled-back',
    script: failing(2, 2),
    drive: async (rollout) => {
      await inPhase(rollout, 'frozen');
      await rollout.handle.signal('abort', { by: 'ann' });
    },
  },
  { name: 'frozen-to-its-limit', outcome: 'frozen', script: failing(1, 2), plan: seconds({ frozenMs: 1_000 }) },
  {
    name: 'refused-by-preflight',
    outcome: 'refused',
    script: () => ({ activities: { preflight: () => Promise.resolve({ kind: 'refused', reasons: ['foreign route'] }) } }),
  },
  {
    name: 'never-warm',
    outcome: 'rolled-back',
    script: () => ({ activities: { warmUp: () => Promise.resolve({ kind: 'not-warm', failing: ['model'] }) } }),
  },
  {
    name: 'probes-answered-by-somebody-else',
    outcome: 'rolled-back',
    script: () => ({
      activities: {
        probe: () =>
          Promise.resolve({ kind: 'probed', outcome: { judged: 0, serverErrors: 0, wrongRevision: 20, unanswered: 0 } }),
      },
    }),
  },
  {
    name: 'schema-hold-then-retry',
    outcome: 'promoted',
    script: () => {
      let first = true;
      return {
        activities: {
          probe: ({ probes }) => {
            const answer = first
              ? ({ kind: 'schema-mismatch', difference } as const)
              : ({
                  kind: 'probed',
                  outcome: { judged: probes.count, serverErrors: 0, wrongRevision: 0, unanswered: 0 },
                } as const);
            first = false;
            return Promise.resolve(answer);
          },
        },
      };
    },
    drive: async (rollout) => {
      await inPhase(rollout, 'schema-held');
      await send(rollout, 'retry');
    },
  },
  {
    name: 'blind-past-its-limit',
    outcome: 'rolled-back',
    script: () => ({
      supervise: (supervise) =>
        supervise.step === 2 && supervise.returnOnPass ? blind : supervise.returnOnPass ? passed : 'until-cancelled',
    }),
    plan: seconds({ blindMs: 1_000 }),
  },
  { name: 'lapsed-lease-then-a-new-ramp', outcome: 'promoted', script: failing(2, 1, lapsed) },
  {
    name: 'abort-while-soaking',
    outcome: 'rolled-back',
    script: holding(2),
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await rollout.handle.signal('abort', { by: 'ann' });
    },
  },
  {
    name: 'superseded',
    outcome: 'rolled-back',
    script: holding(2),
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking', 2_500);
      await rollout.handle.signal('abort', { by: 'ci', supersededBy: 'next' });
    },
  },
  {
    name: 'cancelled-from-the-ui',
    outcome: 'rolled-back',
    script: holding(1),
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await rollout.handle.cancel();
    },
  },
  {
    name: 'paused-and-resumed',
    outcome: 'promoted',
    script: () => {
      let open: () => void = () => undefined;
      const opened = new Promise<SuperviseResult>((resolve) => {
        open = () => {
          resolve(passed);
        };
      });
      return {
        open: () => {
          open();
        },
        supervise: (supervise) =>
          supervise.step === 1 && supervise.bucket === 0 ? opened : supervise.returnOnPass ? passed : 'until-cancelled',
      };
    },
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking', 500);
      await send(rollout, 'pause');
      rollout.scripted.script.open?.();
      await until(async () => (await statusOf(rollout)).judgement?.verdict === 'pass', {
        withinMs: 20_000,
        what: 'a pass that is held',
      });
      await rollout.handle.signal('resume');
    },
  },
  {
    name: 'approved-by-two',
    outcome: 'promoted',
    script: () => ({}),
    plan: { approvals: [{ beforeStep: 2, count: 2, approvers: [], notTheStarter: true }] },
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await send(rollout, 'approve', { by: 'ann' });
      await send(rollout, 'approve', { by: 'bob' });
    },
  },
  {
    name: 'skip-and-promote',
    outcome: 'promoted',
    script: () => {
      let steps = 0;
      return {
        supervise: (supervise) => {
          steps = Math.max(steps, supervise.step);
          return supervise.step === 4 && supervise.returnOnPass ? passed : 'until-cancelled';
        },
      };
    },
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await send(rollout, 'skip');
      await inPhase(rollout, 'soaking', 500);
      await send(rollout, 'promote');
    },
  },
  {
    name: 'verification-fails-before-it-is-durable',
    outcome: 'rolled-back',
    script: () => ({ activities: { verify: () => Promise.resolve({ kind: 'verified', failures: ['p95 rose at 50 %'] }) } }),
  },
  {
    name: 'drain-findings-after-the-promotion',
    outcome: 'promoted',
    script: () => ({
      activities: {
        waitForDrain: () => Promise.resolve({ kind: 'drained', activeAtCeiling: 2 }),
        verifyDrain: () => Promise.resolve({ kind: 'drain-verified', findings: ['2 streams on blue'] }),
      },
    }),
  },
];
