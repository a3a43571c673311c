/** What the outlook of a plan has to warn of: healthy releases that would not get through by themselves. */
import type { RolloutPlan } from '../../domain/plan.js';
import { percent } from '../../domain/telling.js';
import { formatDuration } from '../../spec/durations.js';
import { formatShare } from '../../spec/percent.js';
import type { Outlook, StepOutlook } from './outlook.js';
import { inWords } from '../render/durations.js';

/** judge.md §0: an identical release is promoted without a human in at least so many runs, or this warns. */
const ENOUGH = 0.95;
/** A gate that lets every candidate request be bad is none. */
const NO_TOLERANCE = 1;

export function outlookWarnings(plan: Pick<RolloutPlan, 'steps'>, outlook: Outlook): readonly string[] {
  const held = outlook.steps.flatMap((step) => heldWarning(plan, outlook, step));
  const alarms = outlook.literalFalseAlarms;
  return [
    ...held,
    ...(alarms === undefined
      ? []
      : [
          `errors: mode threshold rolls back about ${String(Math.round(alarms * 100))} of 100 releases that are as good as stable, at this traffic`,
        ]),
  ];
}

function heldWarning(
  { steps }: Pick<RolloutPlan, 'steps'>,
  { expected }: Outlook,
  { step, weightBp, soakMs, soakMaxMs, passing }: StepOutlook,
): readonly string[] {
  // With too few requests the traffic is what is wrong, and the plan says so already.
  if (passing === undefined || passing.atSoakMax >= ENOUGH || passing.budget === undefined) return [];
  const { atSoakMax, budgetNeeded, toleranceNeeded, requestsNeeded, requests } = passing;
  const typicalMs = requestsNeeded === undefined || requests <= 0 ? undefined : (requestsNeeded / requests) * soakMs;
  // `step` counts from 1, so that it is the index of the next one.
  const beforeTheBake = step === steps.length - 1;
  const ways = [
    ...(budgetNeeded === undefined ? [] : [`risk.badRequestsPerStep: ${String(roundedUp(budgetNeeded))}`]),
    ...(toleranceNeeded === undefined || roundedUp(toleranceNeeded) >= NO_TOLERANCE
      ? []
      : [`gates.errors.tolerance: ${formatShare(roundedUp(toleranceNeeded)).replace(' ', '')}`]),
    ...(typicalMs === undefined || typicalMs <= soakMaxMs
      ? []
      : [`a soakMax well over the ${inWords(typicalMs)} that a typical one takes`]),
    beforeTheBake ? 'a shorter bake' : 'a smaller next step',
  ];
  return [
    `5xx at ${percent(weightBp)}: at ${String(expected.requestsPerSecond)} requests a second and ${formatShare(expected.errorRate)} errors only ${String(Math.round(atSoakMax * 100))} of 100 releases as good as stable pass within ${formatDuration(soakMaxMs)}; the others are held as uncertain. What helps, each by itself: ${ways.join('; ')}`,
  ];
}

/** To two significant figures, never below. */
function roundedUp(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Number((Math.ceil(value / unit) * unit).toPrecision(2));
}
