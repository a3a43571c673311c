/** A rollout of seconds whose two revisions are healthy: for tests of the whole worker. */
import type { RolloutPlan } from '../../src/domain/plan.js';
import type { Cursor, Reading } from '../../src/domain/reading.js';
import type { MetricSource } from '../../src/providers/ports.js';
import { errors, PLAN } from '../activities/fakes.js';

/** Both revisions are healthy and busy: a hundred requests a second each. */
export class HealthySource implements MetricSource {
  describe(): Promise<{ signals: readonly (keyof Reading)[]; sameInstant: boolean }> {
    return Promise.resolve({ signals: ['errors'], sameInstant: true });
  }
  read(_target: unknown, _pair: unknown, cursor: Cursor): Promise<{ reading: Reading; cursor: Cursor }> {
    const begun = typeof cursor === 'number' ? cursor : Date.now();
    const elapsedMs = Date.now() - begun;
    return Promise.resolve({
      reading: errors(elapsedMs, [elapsedMs / 10, 0].map(Math.round) as [number, number], [Math.round(elapsedMs / 10), 0]),
      cursor: begun,
    });
  }
}

/** A revision answers under the name that it was pinned by. */
export const pinnedFetch: typeof globalThis.fetch = (_input, init) => {
  const pin = new Headers(init?.headers).get('x-release') ?? '';
  return Promise.resolve(new Response('{}', { headers: { 'x-release-slot': pin } }));
};

export const rehearsal = (service: string): RolloutPlan => ({
  ...PLAN,
  target: { service, environment: 'test' },
  candidate: { id: 'green', release: 'r2' },
  profile: 'rehearsal',
  rehearsal: true,
  tickMs: 1_000,
  leaseMs: 15_000,
  bucketMs: 30_000,
  steps: [
    { weightBp: 1_000, soakMs: 3_000, soakMaxMs: 60_000 },
    { weightBp: 10_000, soakMs: 2_000, soakMaxMs: 60_000 },
  ],
  judge: { ...PLAN.judge, minimumRequests: 20 },
  limits: {
    approvalMs: 60_000,
    pauseMs: 60_000,
    inconclusiveMs: 60_000,
    idleMs: 60_000,
    blindMs: 20_000,
    foreignRouteMs: 60_000,
    schemaHoldMs: 60_000,
    frozenMs: 60_000,
  },
  drain: { minMs: 1_000, ceilingMs: 10_000 },
  keepStableMs: 1_000,
  digest: service,
});
