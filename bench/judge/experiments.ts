import { bursts, busyQueue, commonMode } from './bursts.js';
import { detection, firstTick, slowness, totalFailure } from './detection.js';
import type { Experiment } from './experiment.js';
import { identical } from './identical.js';
import { quiet, rollouts } from './rollouts.js';

/** In the order of the tables. */
export const EXPERIMENTS: readonly Experiment[] = [
  identical,
  rollouts,
  totalFailure,
  firstTick,
  detection,
  slowness,
  quiet,
  bursts,
  commonMode,
  busyQueue,
];

export function experimentNamed(name: string): Experiment {
  const found = EXPERIMENTS.find((candidate) => candidate.name === name);
  if (found === undefined)
    throw new TypeError(`no experiment "${name}"; known: ${EXPERIMENTS.map((known) => known.name).join(', ')}`);
  return found;
}
