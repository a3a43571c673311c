/** What a drill plays: the written rollout under the profile `rehearsal`, with everything that bounds an exposure as written. */
import type { RolloutPlan } from '../../domain/plan.js';
import { percent } from '../../domain/telling.js';
import type { BasisPoints } from '../../domain/words.js';
import { digestOf } from '../../spec/digest.js';
import { fail } from '../failure.js';
import { loadPlan, type LoadedPlan } from '../files.js';
import type { Surroundings } from '../surroundings.js';

export interface DrilledPlan extends Pick<LoadedPlan, 'platform'> {
  readonly written: RolloutPlan;
  /** One step at the weight of the drill, soaking until the fault has been seen through. */
  readonly played: RolloutPlan;
}

/** Longer than the slowest fault takes to be seen through. */
const SOAK_MS = 24 * 3_600_000;

export function drilledPlan(
  surroundings: Surroundings,
  files: { readonly file: string; readonly config: string; readonly set: readonly string[] },
  atBp: BasisPoints,
): DrilledPlan {
  const { plan: written, platform } = loadPlan(surroundings, files);
  const { service, environment } = written.target;
  if (written.production)
    throw fail(
      `${environment} is marked as production in ${platform.file}, and a drill moves its users onto a candidate that is made to look bad; drill another environment (--set environment=staging)`,
    );
  const steps = `steps=[${String(atBp / 100)}, 100]`;
  const { plan } = loadPlan(surroundings, { ...files, set: [...files.set, 'profile=rehearsal', steps] });
  if (plan.approvals.some(({ beforeStep }) => beforeStep === 0))
    throw fail(
      `the floors of ${platform.file} want an approval before ${percent(atBp)} of ${service}, for which no drill waits; take a lower weight with --at`,
    );
  const played: RolloutPlan = {
    ...plan,
    steps: plan.steps.map((step, index) => (index === 0 ? { ...step, soakMs: SOAK_MS, soakMaxMs: SOAK_MS } : step)),
    judge: written.judge,
    tickMs: written.tickMs,
    leaseMs: written.leaseMs,
    bucketMs: written.bucketMs,
    limits: { ...plan.limits, blindMs: written.limits.blindMs },
    // The first failure ends it, at any hour, and nobody is woken.
    retry: { ...plan.retry, max: 0 },
    changeWindows: [],
    connections: { ...plan.connections, notify: [] },
  };
  return { platform, written, played: { ...played, digest: digestOf(played) } };
}
