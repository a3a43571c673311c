/** What is rolled out while things die, and how it must end whatever dies. */
import type { Plant, PlantOptions } from '../integration/plant.js';

export interface CrashCase {
  readonly name: string;
  readonly outcome: 'promoted' | 'rolled-back' | 'frozen';
  /** Further YAML of the rollout. */
  readonly more: string;
  /** Arranges how the candidate behaves. */
  readonly prepare: (plant: Plant) => Promise<unknown>;
}

const healthy = (): Promise<void> => Promise.resolve();
/** Bad as soon as it has more than 45 requests a second: at 25 % of the load, and not before. */
const badAt25 = (plant: Plant): Promise<unknown> =>
  plant.stage.green.behave({ errors: { kind: 'saturated', abovePerSecond: 45, share: 0.5 } });

export const CASES: readonly CrashCase[] = [
  { name: 'promoted', outcome: 'promoted', more: '', prepare: healthy },
  { name: 'rolled-back-at-25', outcome: 'rolled-back', more: 'retry: {max: 0}', prepare: badAt25 },
  {
    name: 'second-failure-frozen',
    outcome: 'frozen',
    // A gross failure would end the rollout without a retry. Two errors of a hundred are found while the step still soaks.
    // Ten times the tolerance is gross, and 2 % are more than ten times 0.05 %: seen for long enough, as after a death, they were.
    more: [
      'gates: {errors: {tolerance: 0.2%}}',
      'steps: [1, 5, {weight: 25, soak: 10s}, 50, 100]',
      'retry: {max: 1, coolOff: 1s}',
      'limits: {frozen: 3s}',
    ].join('\n'),
    // 5 % of 300 requests a second are 15, 25 % are 75, and 30 on a machine that gets only 120 of them done.
    prepare: (plant) => plant.stage.green.behave({ errors: { kind: 'saturated', abovePerSecond: 25, share: 0.02 } }),
  },
];

export const CRASH_PLANT: PlantOptions = { soakMs: 1_000 };
