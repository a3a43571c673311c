/** What activities answer in the scenarios, and the plans that bring a path about in seconds. */
import { ApplicationFailure } from '@temporalio/common';
import type { Supervise, SuperviseResult } from '../../../src/domain/effects.js';
import type { RolloutPlan } from '../../../src/domain/plan.js';
import type { GateVerdict, Verdict } from '../../../src/domain/verdict.js';
import { planWith } from '../../domain/plans.js';
import { judged } from '../../domain/world.js';
import { failed, interrupted, passed, type ActivityName, type Play, type Script, type ScriptedSupervision } from '../scripted.js';

const base = planWith();

export const limits = (shorter: Partial<RolloutPlan['limits']>): Pick<RolloutPlan, 'limits'> => ({
  limits: { ...base.limits, ...shorter },
});

export const steps = (...weightsBp: readonly number[]): Pick<RolloutPlan, 'steps'> => ({
  steps: weightsBp.map((weightBp) => ({ weightBp, soakMs: 5_000, soakMaxMs: 60_000 })),
});

/** One step and the bake: enough for every path that does not count steps, and its history is short. */
export const SHORT = steps(2_500, 10_000);

/** `SHORT`, where nobody has long. */
export const impatient = (soakMs: number, shorter: Partial<RolloutPlan['limits']>): Pick<RolloutPlan, 'limits' | 'steps'> => ({
  ...limits(shorter),
  steps: SHORT.steps.map((step) => ({ ...step, soakMs, soakMaxMs: soakMs })),
});

/** As in a healthy supervision: passes where a pass is wanted, and watches on while the next step is prepared. */
export const healthy: ScriptedSupervision = ({ returnOnPass }) => (returnOnPass ? passed : 'until-cancelled');

export const gross: SuperviseResult = { ...failed, judgement: judged('fail', 1_000, { gross: true }) };
export const duplicateEffect: SuperviseResult = {
  ...failed,
  judgement: judged('fail', 1_000, { gate: 'dedupe', reason: 'duplicate-effect', sentence: '1 duplicate effect.' }),
};
export const lapsed = (forMs: number): SuperviseResult => ({
  kind: 'lapsed',
  condition: 'judging',
  forMs,
  evidence: 1,
  cursors: {},
});

export const SCHEMA_DIFFERENCE = { stable: { schemaRev: 7 }, candidate: { schemaRev: 8 }, text: 'SCHEMA_REV 7 against 8' };

/** Fails the gate at a step, so many times; healthy everywhere else. */
export const failing =
  (step: number, times: number, result: SuperviseResult = failed): (() => Script) =>
  () => {
    let left = times;
    return {
      supervise: (supervise) => {
        if (supervise.step !== step || left === 0) return healthy(supervise);
        left -= 1;
        return result;
      },
    };
  };

/** Stays at a step until something else happens. */
export const holding = (step: number): Script => ({
  supervise: (supervise) => (supervise.step === step ? 'until-cancelled' : healthy(supervise)),
});

/** At a step, healthy (or as told) only once the play is opened. */
export const holdingUntilOpened =
  (step: number, then: ScriptedSupervision = healthy) =>
  ({ opened }: Play): Script => ({
    supervise: async (supervise) =>
      supervise.step === step && (await interrupted(opened)) === 'interrupted' ? cutShort('inconclusive') : then(supervise),
  });

export const cutShort = (verdict: Verdict): SuperviseResult => ({
  kind: 'interrupted',
  condition: 'judging',
  evidence: 1,
  cursors: {},
  judgement: judged(verdict, 5_000),
});

type Sight = Exclude<Supervise['known'], 'foreign'>;

/** As superviseRamp sees a condition: says at once what is not known yet, then nothing until its bucket ends. */
export const seeing =
  (condition: Sight, verdict: Verdict, soakedMs = 5_000, over: Partial<GateVerdict> = {}): ScriptedSupervision =>
  async ({ known, bucketMs }) => {
    const sight = { condition, evidence: 1, cursors: {}, judgement: judged(verdict, soakedMs, over) };
    if (known !== condition) return { kind: 'changed', ...sight };
    return { kind: (await interrupted(bucketMs)) === 'over' ? 'bucket-ended' : 'interrupted', ...sight };
  };

/** The route is somebody else's: that ends a bucket at once when it is news. */
export const seeingOwner =
  (owner: string): ScriptedSupervision =>
  async ({ known, bucketMs }) => {
    if (known === 'foreign') await interrupted(bucketMs);
    return { kind: 'foreign', owner, condition: 'foreign', evidence: 1, cursors: {} };
  };

export const atStep = (step: number, there: ScriptedSupervision): ScriptedSupervision => {
  return (supervise) => (supervise.step === step ? there(supervise) : healthy(supervise));
};

/** The one activity does not answer before the play is opened, from its given start on. Nothing can interrupt it. */
export const held =
  (name: ActivityName, from: number, { opened }: Play): NonNullable<Script['before']> =>
  (asked, start) =>
    asked === name && start >= from ? opened : undefined;

/** Out of reach the first so many times. */
export const unreachable =
  (name: ActivityName, times: number): NonNullable<Script['before']> =>
  (asked, start) => {
    if (asked === name && start <= times) throw new Error('connect ECONNREFUSED: nobody listens');
  };

/** What a worker says of something that no retry mends. */
export const breaking =
  (name: ActivityName): NonNullable<Script['before']> =>
  (asked) => {
    if (asked === name) throw ApplicationFailure.nonRetryable(`${name} broke`);
  };
