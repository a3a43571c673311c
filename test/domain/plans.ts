import type { RolloutPlan } from '../../src/domain/plan.js';

const MINUTE_MS = 60_000;

/** A plan like the profile `standard`, with capacity and queues managed; tests override what they are about. */
export function planWith(overrides: Partial<RolloutPlan> = {}): RolloutPlan {
  return {
    target: { service: 'answer-api', environment: 'production' },
    candidate: { id: 'green', release: '9f3c1e', slot: 'green' },
    profile: 'standard',
    rehearsal: false,
    production: true,
    connections: { router: 'edge', metrics: ['prom'], capacity: 'cloud', queues: 'guard', notify: ['pager'] },
    steps: [100, 500, 2_500, 5_000, 10_000].map((weightBp) => ({ weightBp, soakMs: 10 * MINUTE_MS, soakMaxMs: 60 * MINUTE_MS })),
    judge: {
      gates: [{ gate: 'errors', mode: 'sequential', tolerance: 0.0005, required: true, consecutive: 3 }],
      alpha: 0.01,
      beta: 0.05,
      minimumRequests: 50,
      staleMs: 20_000,
      badRequestsBudget: 'auto',
    },
    tickMs: 5_000,
    leaseMs: 30_000,
    bucketMs: 5 * MINUTE_MS,
    sticky: true,
    approvals: [],
    limits: {
      approvalMs: 24 * 60 * MINUTE_MS,
      pauseMs: 24 * 60 * MINUTE_MS,
      inconclusiveMs: 24 * 60 * MINUTE_MS,
      idleMs: 24 * 60 * MINUTE_MS,
      blindMs: 10 * MINUTE_MS,
      foreignRouteMs: 60 * MINUTE_MS,
      schemaHoldMs: 24 * 60 * MINUTE_MS,
      frozenMs: 72 * 60 * MINUTE_MS,
    },
    retry: { max: 1, coolOffMs: 15 * MINUTE_MS, total: 4 },
    idleThen: 'hold',
    changeWindows: [],
    warmUp: { path: '/warm', holdMs: 3_000, timeoutMs: MINUTE_MS },
    probes: { path: '/', count: 20, maxFailures: 3 },
    drain: { minMs: MINUTE_MS, ceilingMs: 15 * MINUTE_MS },
    capacity: { headroom: 1.5, expectedP50Rps: 100, meanLatencyS: 0.2, concurrencyPerInstance: 10 },
    pauseBatchUpToBp: 2_500,
    keepStableMs: 60 * MINUTE_MS,
    digest: 'd',
    ...overrides,
  };
}
