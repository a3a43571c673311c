/** The product's own defaults: what the profile `standard` says, turned into step policies by the product's own code. */
import type { RolloutPlan } from '../../src/domain/plan.js';
import type { GatePolicy, StepPolicy } from '../../src/domain/policy.js';
import { stepPolicy } from '../../src/domain/step-policy.js';
import type { GateName } from '../../src/domain/verdict.js';
import { alphaOf } from '../../src/judge/alpha.js';
import { mergeLayers } from '../../src/spec/layers.js';
import { writtenProfile } from '../../src/spec/profiles.js';
import { settingsSchema, type Settings, type WrittenSettings } from '../../src/spec/settings-schema.js';
import { toPlan } from '../../src/spec/to-plan.js';

/** A plan of the profile `standard`, with what a rollout may say otherwise. */
export function planOf(changes: WrittenSettings = {}): RolloutPlan {
  const settings = settingsSchema.parse(mergeLayers<WrittenSettings>(writtenProfile('standard'), changes)) as Settings;
  return toPlan(
    {
      service: 'bench',
      environment: 'bench',
      candidate: { release: '2', revision: 'green' },
      router: 'router',
      metrics: ['metrics'],
    },
    settings,
    { profile: { name: 'standard', rehearsal: false }, production: false, sampleIntervalMs: settings.tick },
  );
}

/** What the judge is told at each step of a first ramp, all gates in force. */
export function stepsOf(plan: RolloutPlan): readonly StepPolicy[] {
  const gatesInForce = plan.judge.gates.map(({ gate }) => gate);
  return plan.steps.map((_, index) => stepPolicy(plan, { entries: [] }, { gatesInForce }, index));
}

export const STANDARD: RolloutPlan = planOf();

/** judge.md §0; a metrics store is asked for no more than 720 blocks of it. */
export const LOOK_BACK_MS = STANDARD.lookBackMs ?? 3_600_000;
export const LOOK_BACK_BLOCK_MS = LOOK_BACK_MS / 720;

/** A gate's part of the false-alarm budget at a step of `STANDARD`. */
export const defaultAlpha = (gate: GateName): number => alphaOf(gate, stepsOf(STANDARD)[0]!);

/** One gate by itself, with this false-alarm budget and `STANDARD`'s tolerance. */
export function alone(step: StepPolicy, gate: GateName, alpha: number): StepPolicy {
  const policy = STANDARD.judge.gates.find((candidate): candidate is GatePolicy => candidate.gate === gate);
  if (policy === undefined) throw new TypeError(`the profile standard has no gate "${gate}"`);
  const only = { ...step, gates: [policy], judgedSteps: 1, earlierEntries: 0 };
  // Half of it goes to later entries, and a part to the probes, in proportion: so it is asked once how much arrives.
  return { ...only, alpha: (alpha / alphaOf(gate, { ...only, alpha: 1e-4 })) * 1e-4 };
}
