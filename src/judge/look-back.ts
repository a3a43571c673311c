import type { StepPolicy } from '../domain/policy.js';
import type { Reading } from '../domain/reading.js';
import type { Evidence } from '../domain/verdict.js';
import { learnFrom, openEvidence } from './judge.js';

/**
 * What stable did before the ramp → evidence that `openEvidence` of the first step takes over: how its errors burst
 * (judge.md §1), where its p95 lies (§2 G2) and how old its queue gets (§2 G4). `policy` is the first step's; at weight 0
 * nothing is judged. `told` are the readings of each source, oldest first; of a signal that several give, those of the
 * earlier source are learnt. `before` is what earlier parts of the same look-back left. What says nothing teaches nothing.
 */
export function learn(policy: StepPolicy, told: readonly (readonly Reading[])[], before?: Evidence): Evidence {
  const unexposed: StepPolicy = { ...policy, weightBp: 0 };
  return learnFrom(unexposed, before ?? openEvidence(unexposed), believed(told));
}

function believed(told: readonly (readonly Reading[])[]): readonly Reading[] {
  const taken = new Set<string>();
  return told.flatMap((readings) => {
    const mine = readings.map((reading) => without(reading, taken));
    for (const { custom = {}, ...signals } of readings)
      for (const name of [...Object.keys(signals), ...Object.keys(custom).map(customKey)]) taken.add(name);
    return mine;
  });
}

function without({ custom, ...signals }: Reading, taken: ReadonlySet<string>): Reading {
  const left = <T extends object>(entries: T, keyOf: (name: string) => string): T =>
    Object.fromEntries(Object.entries(entries).filter(([name]) => !taken.has(keyOf(name)))) as T;
  return { ...left(signals, (name) => name), ...(custom && { custom: left(custom, customKey) }) };
}

const customKey = (name: string): string => `custom:${name}`;
