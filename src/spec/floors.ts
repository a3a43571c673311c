import { z } from 'zod';
import { choice, duration, section, weight } from './fields.js';
import { GATE_KEYS } from './gates.js';
import { approvalShape, type Settings, type StepSettings } from './settings-schema.js';
import type { Path } from './paths.js';

const gateList = `a list of gates: ${GATE_KEYS.join(', ')}`;

/** What the platform team does not let a rollout go below. */
export const floorsSchema = section({
  soak: duration({ leastMs: 1_000 }).optional().describe('Shortest soak of a step. Not for rehearsals.'),
  bake: duration({ leastMs: 1_000 }).optional().describe('Shortest bake. Not for rehearsals.'),
  gates: z.array(choice(GATE_KEYS), { error: gateList }).optional().describe('Gates that must decide and be required.'),
  approval: section({
    beforeWeight: weight({ leastBp: 1 })
      .optional()
      .describe('The first step at or above this weight needs an approval; absent: only the steps that ask for one.'),
    ...approvalShape,
  })
    .optional()
    .describe('The least that every approval needs.'),
});

export type Floors = z.output<typeof floorsSchema>;

/** Gates, approvals and soaks of the profile are raised to the floors; what a rollout wrote is left, and checked afterwards. */
export function raiseToFloors(
  settings: Settings,
  floors: Floors,
  { isWritten, rehearsal }: { isWritten: (path: Path) => boolean; rehearsal: boolean },
): Settings {
  const leastSoak = rehearsal ? 0 : (floors.soak ?? 0);
  const leastBake = rehearsal ? 0 : (floors.bake ?? 0);
  const steps = settings.steps.map((step, index) =>
    raisedStep(step, { least: isLast(settings, index) ? leastBake : leastSoak, keepsSoak: isWritten(['steps']) }),
  );
  return {
    ...settings,
    soak: isWritten(['soak']) ? settings.soak : Math.max(settings.soak, leastSoak),
    bake: { ...settings.bake, soak: isBakeWritten(isWritten) ? settings.bake.soak : Math.max(settings.bake.soak, leastBake) },
    steps: withApprovals(steps, floors),
    gates: withRequiredGates(settings.gates, floors, isWritten),
  };
}

/** As a duration, or in the mapping that may hold the holdback alone. */
function isBakeWritten(isWritten: (path: Path) => boolean): boolean {
  return isWritten(['bake', 'soak']) || (isWritten(['bake']) && !isWritten(['bake', 'holdback']));
}

function isLast(settings: Settings, index: number): boolean {
  return index === settings.steps.length - 1;
}

function raisedStep(step: StepSettings, { least, keepsSoak }: { least: number; keepsSoak: boolean }): StepSettings {
  return keepsSoak || !('soak' in step) || step.soak === undefined ? step : { ...step, soak: Math.max(step.soak, least) };
}

function withApprovals(steps: readonly StepSettings[], { approval: floor }: Floors): StepSettings[] {
  const { beforeWeight, ...terms } = floor ?? {};
  const needed = beforeWeight === undefined ? -1 : steps.findIndex((step) => step.weight >= beforeWeight);
  return steps.map((step, index) => {
    const asked = 'approval' in step ? step.approval : undefined;
    return asked === undefined && index !== needed ? step : { ...step, approval: { ...terms, ...asked } };
  });
}

function withRequiredGates(gates: Settings['gates'], floors: Floors, isWritten: (path: Path) => boolean): Settings['gates'] {
  const raised = { ...gates };
  for (const key of floors.gates ?? []) {
    const { mode, required, ...rest } = gates[key] ?? {};
    const keepsMode = mode !== undefined && (decides(mode) || isWritten(['gates', key, 'mode']));
    const keepsRequired = required !== undefined && isWritten(['gates', key, 'required']);
    raised[key] = { ...rest, ...(keepsMode ? { mode } : {}), required: keepsRequired ? required : true };
  }
  return raised;
}

function decides(mode: string): boolean {
  return mode === 'sequential' || mode === 'threshold';
}
