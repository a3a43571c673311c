import { createHash } from 'node:crypto';
import type { RolloutPlan } from '../domain/plan.js';

/** SHA-256 in hex over the plan as JSON with sorted keys, the digest left out: the same plan has the same digest, however it was written. */
export function digestOf(plan: Omit<RolloutPlan, 'digest'>): string {
  const { digest: _, ...rest } = plan as RolloutPlan;
  return createHash('sha256').update(canonicalJson(rest)).digest('hex');
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, child: unknown) =>
    typeof child === 'object' && child !== null && !Array.isArray(child)
      ? Object.fromEntries(Object.entries(child).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : child,
  );
}
