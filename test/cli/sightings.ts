/** Sightings as the client gives them; tests override what they are about. */
import type { Execution, Sighting } from '../../src/client/index.js';
import type { RolloutStatus } from '../../src/contract/rollout.js';
import type { Outcome } from '../../src/domain/outcome.js';
import type { TimelineEntry } from '../../src/domain/timeline.js';
import type { GateVerdict } from '../../src/domain/verdict.js';
import type { Target } from '../../src/domain/words.js';

export const NOON = Date.UTC(2026, 10, 24, 12);
export const TARGET: Target = { service: 'answer-api', environment: 'production' };

export type Open = Extract<Sighting, { kind: 'open' }>;
export type Closed = Extract<Sighting, { kind: 'closed' }>;

export const EXECUTION: Execution = {
  workflowId: 'rollout/production/answer-api',
  runId: 'run',
  status: 'RUNNING',
  open: true,
  startedAt: new Date(NOON),
  headline: 'AT 25 % · answer-api 9f3c1e · step 3 of 5',
  ...TARGET,
  release: '9f3c1e',
  phase: 'soaking',
  weightBp: 2_500,
};

export const ENTRY: TimelineEntry = {
  at: NOON,
  by: { name: 'sluice', verified: true },
  what: 'step 3 of 5: 25 %',
  weightBp: 2_500,
};

export const ERRORS: GateVerdict = {
  gate: 'errors',
  verdict: 'inconclusive',
  reason: 'uncertain',
  decisive: true,
  gross: false,
  figures: { stableRequests: 10_000, stableBad: 10, candidateRequests: 2_500, candidateBad: 3, moreRequests: 1_880 },
  sentence: 'errors: candidate 3 of 2,500 (0.12 %), stable 10 of 10,000 (0.10 %): inconclusive: 1,880 more requests or 4 min.',
};

export const LATENCY: GateVerdict = {
  gate: 'latency',
  verdict: 'pass',
  reason: 'accepted-by-budget',
  decisive: true,
  gross: false,
  figures: { stableP95Ms: 412, candidateP95Ms: 431, harmBadRequests: 30.2 },
  sentence: 'latency: …: accepted.',
};

export function openSighting(overrides: Partial<RolloutStatus> = {}, live: Open['live'] = {}): Open {
  const status: RolloutStatus = {
    ...TARGET,
    release: '9f3c1e',
    revision: 'green',
    profile: 'standard',
    rehearsal: false,
    phase: 'soaking',
    headline: 'AT 25 % · answer-api 9f3c1e · step 3 of 5',
    step: 3,
    steps: 5,
    weightBp: 2_500,
    stable: { id: 'blue', release: 'old' },
    ramp: undefined,
    blockers: [{ kind: 'soaking', soakedMs: 372_000, soakMs: 600_000 }],
    judgement: { at: NOON, verdict: 'inconclusive', gates: [ERRORS, LATENCY], soakedMs: 372_000 },
    startedAt: NOON,
    timeline: [ENTRY],
    ...overrides,
  };
  return { kind: 'open', status, live, execution: EXECUTION };
}

export function closedSighting(overrides: Partial<Outcome> = {}): Closed {
  const outcome: Outcome = {
    outcome: 'promoted',
    headline: 'PROMOTED · answer-api 9f3c1e',
    ...TARGET,
    release: '9f3c1e',
    serving: { id: 'green', release: '9f3c1e' },
    cause: '9f3c1e serves everybody',
    findings: [],
    profile: 'standard',
    rehearsal: false,
    gatesInForce: ['errors'],
    gatesNotJudged: ['latency'],
    timeline: [ENTRY],
    ...overrides,
  };
  return { kind: 'closed', outcome, execution: { ...EXECUTION, open: false, status: 'COMPLETED' } };
}

export const SILENT = { kind: 'silent', execution: EXECUTION } as const satisfies Sighting;
export const UNREACHABLE: Sighting = { kind: 'unreachable', text: 'no Temporal server answers at 127.0.0.1:1' };
export const BROKEN: Sighting = { kind: 'broken', text: 'terminated', execution: EXECUTION };
export const NONE: Sighting = { kind: 'none' };
