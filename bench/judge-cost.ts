/** What one evaluation of all gates costs in CPU, and how large its evidence grows. Run: node --import tsx bench/judge-cost.ts */
import type { GatePolicy, StepPolicy } from '../src/domain/policy.js';
import type { Evidence, GateName } from '../src/domain/verdict.js';
import type { Reading } from '../src/domain/reading.js';
import { judge, openEvidence } from '../src/judge/judge.js';

const TARGET_MS = 1;
const TARGET_BYTES = 8192;
const TICK_MS = 5_000;
const TICKS = 720;

const gate = (name: GateName, tolerance: number): GatePolicy => ({
  gate: name,
  mode: 'sequential',
  tolerance,
  required: false,
  consecutive: 3,
});
const policyWith = (errors: number, latency: number): StepPolicy => ({
  gates: [
    gate('errors', errors),
    gate('latency', latency),
    gate('cold-starts', 0.05),
    gate('queue-age', 30),
    gate('drift', 0.03),
    gate('dedupe', 0.001),
    gate('custom:refusals', errors),
  ],
  alpha: 0.01,
  beta: 0.05,
  minimumRequests: 50,
  staleMs: 20_000,
  badRequestsBudget: 0,
  weightBp: 2_500,
  soakMs: 600_000,
  judgedSteps: 5,
  earlierEntries: 0,
  next: { weightBp: 5_000, soakMs: 600_000 },
});

/** A fixed stream of numbers in [0, 1): the same run every time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const boundsMs = Array.from({ length: 50 }, (_, k) => 10 * 1.1 ** k);

/** 2,000 requests a second with 0.1 % errors and 20 replicas, cumulative up to a tick. */
function readings(): Reading[] {
  const next = numbers(7);
  const candidate = boundsMs.map(() => 0).concat(0);
  const stable = [...candidate];
  const replicas = Array.from({ length: 20 }, () => ({ requests: 0, bad: 0 }));
  let candidateBad = 0;
  let stableBad = 0;
  return Array.from({ length: TICKS }, (_, tick) => {
    for (let k = 0; k < boundsMs.length; k++) {
      const share = Math.exp(-(((k - 24) / 6) ** 2)) / 10.6;
      candidate[k] = (candidate[k] ?? 0) + Math.round(2_500 * share * (0.9 + 0.2 * next()));
      stable[k] = (stable[k] ?? 0) + Math.round(7_500 * share * (0.9 + 0.2 * next()));
    }
    candidateBad += Math.round(5 * next());
    for (const replica of replicas) {
      replica.requests += 370 + Math.round(10 * next());
      const bad = next() < 0.3 ? 1 : 0;
      replica.bad += bad;
      stableBad += bad;
    }
    const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
    const sample = <T>(value: T) => ({ at: 0, ageMs: 1_000, elapsedMs: (tick + 1) * TICK_MS, value });
    const sides = {
      candidate: { requests: total(candidate), bad: candidateBad },
      stable: { requests: total(stable), bad: stableBad },
    };
    const byReplica = Object.fromEntries(replicas.map((replica, k) => [`answer-api-7d9c5b-${String(k)}`, { ...replica }]));
    return {
      errors: sample({ ...sides, stable: { ...sides.stable, byReplica } }),
      latency: sample({ boundsMs, counts: { candidate: [...candidate], stable: [...stable] } }),
      coldStarts: sample(sides),
      queueAgeS: sample(8 + 7 * next()),
      dedupe: sample({ replays: (tick + 1) * 100, misses: 0, duplicateEffects: 0 }),
      drift: sample(Array.from({ length: 20 }, () => 0.01)),
      custom: { refusals: sample(sides) },
    };
  });
}

const ticks = readings();

function run(title: string, policy: StepPolicy): void {
  let evidence = openEvidence(policy);
  for (const reading of ticks.slice(0, 150)) judge(policy, evidence, reading);
  const kept: Evidence[] = [];
  const before = process.cpuUsage();
  for (const reading of ticks) {
    evidence = judge(policy, evidence, reading).evidence;
    kept.push(evidence);
  }
  const { user, system } = process.cpuUsage(before);
  const meanMs = (user + system) / 1_000 / TICKS;
  const mostBytes = Math.max(...kept.map((value) => JSON.stringify(value).length));
  const parts = Object.entries((evidence as { readonly gates: Readonly<Record<string, unknown>> }).gates).map(
    ([name, memory]) => `${name} ${String(JSON.stringify(memory).length)}`,
  );
  const sentences = judge(policy, evidence, ticks.at(-1) ?? {}).verdicts.map(
    ({ verdict, sentence }) => `  ${verdict.padEnd(13)} ${sentence}`,
  );
  console.log(
    [
      `${title}: ${meanMs.toFixed(2)} ms CPU per evaluation of ${String(policy.gates.length)} gates, mean of ${String(TICKS)} ticks (target ${String(TARGET_MS)} ms)`,
      `  evidence at most ${String(mostBytes)} bytes (target ${String(TARGET_BYTES)}), at the end ${parts.join(', ')}`,
      ...sentences,
    ].join('\n'),
  );
  if (meanMs > TARGET_MS || mostBytes > TARGET_BYTES) process.exitCode = 1;
}

run('default tolerances', policyWith(0.0005, 1.1));
run('never certain', policyWith(0.0001, 1.0));
