/** A recorded rollout under another policy: what would have happened, and what the record does not tell. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { historiesIn, recordedRollout, type RecordedRollout } from '../../src/client/index.js';
import { runCommandLine } from '../../src/cli/program.js';
import { whatIf, type WhatIf } from '../../src/cli/what-if.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import type { GatePolicy } from '../../src/domain/policy.js';
import { planWith } from '../domain/plans.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { gate, policy as stepPolicyOf, sample, type World } from '../judge/traffic.js';
import { record, type Recorded, type Recording } from './recording.js';
import { recorded as surroundingsThatRecord } from './surroundings.js';

const MINUTE_MS = 60_000;
const EVERY_FIVE: Recorded = { bucketMs: 5 * MINUTE_MS };
const HEALTHY: World = { rps: 200, stableErrorRate: 0.0001, candidateErrorRate: 0.0001, latencyRatio: 1 };
const WORSE: World = { ...HEALTHY, candidateErrorRate: 0.006 };

const plan = (errors: Partial<GatePolicy> = {}, changes: Partial<RolloutPlan> = {}): RolloutPlan => {
  const base = planWith(changes);
  return { ...base, judge: { ...base.judge, gates: [gate('errors', errors)] } };
};

function read(recording: Recording): RecordedRollout {
  const found = recordedRollout(historiesIn(JSON.parse(JSON.stringify(recording))) ?? []);
  assert.ok(found);
  return found;
}

const ask = (recordedPlan: RolloutPlan, world: World, other: RolloutPlan, how = EVERY_FIVE): WhatIf =>
  whatIf(read(record(recordedPlan, world, how)), other);

test('the same policy comes to the same end, and no gate says anything else', () => {
  for (const [world, exit] of [
    [HEALTHY, 0],
    [WORSE, 2],
  ] as const) {
    const { consequence, exit: found, entries } = ask(plan(), world, plan());
    assert.deepEqual([consequence, found], ['same', exit]);
    assert.deepEqual(
      entries.flatMap(({ differences }) => differences),
      [],
    );
  }
});

test('a stricter policy rolls back what was promoted: step, gate, both verdicts, and when', () => {
  const found = ask(plan({ tolerance: 0.02 }), WORSE, plan());
  assert.deepEqual([found.consequence, found.exit], ['rolled-back', 2]);
  assert.match(found.text, /^would have been rolled back at 5 % \(step 2\) after \d+ (s|min) \(as recorded, it was promoted\)$/);
  const step = found.entries[1];
  assert.deepEqual([step?.then.verdict, step?.now?.verdict], ['pass', 'fail']);
  const difference = step?.differences.find(({ now }) => now?.verdict === 'fail');
  assert.deepEqual([difference?.gate, difference?.now?.reason], ['errors', 'worse']);
});

test('a policy that tolerates it does not roll back, and what would have followed is not made up', () => {
  const found = ask(plan(), WORSE, plan({ tolerance: 0.02 }));
  assert.deepEqual([found.consequence, found.exit], ['not-rolled-back', 5]);
  assert.match(found.text, /would not have been rolled back at 5 % .*; what would have followed is not recorded/);
});

test('without a gate that decides nothing passes', () => {
  const found = ask(plan(), WORSE, plan({ mode: 'observe' }));
  assert.deepEqual([found.consequence, found.exit, found.entries[0]?.now?.verdict], ['held', 6, 'blind']);
});

test('a smaller risk budget holds for a human; a longer soak than was recorded is left undecided', () => {
  const strict = plan();
  const held = ask(plan(), HEALTHY, { ...strict, judge: { ...strict.judge, badRequestsBudget: 1 } });
  assert.deepEqual([held.consequence, held.exit], ['held', 6]);
  assert.match(held.text, /^would have been held at 1 % \(step 1\) \(inconclusive after 10 min\)/);
  const longer = plan({}, { steps: plan().steps.map((step) => ({ ...step, soakMs: 20 * MINUTE_MS })) });
  const undecided = ask(plan(), HEALTHY, longer);
  assert.deepEqual([undecided.consequence, undecided.exit], ['undecided', 5]);
  assert.match(undecided.text, /the record of the step ends after 10 min, before its soak of 20 min does/);
});

test('a step that the other policy has not is named and not judged', () => {
  const other = plan({}, { steps: plan().steps.filter(({ weightBp }) => weightBp !== 500) });
  const { entries, exit } = ask(plan(), HEALTHY, other);
  assert.deepEqual([entries.map(({ now }) => now?.verdict), exit], [['pass', undefined, 'pass', 'pass', 'pass'], 0]);
});

test('the bakes are each other’s, whatever one of them holds back', () => {
  const steps = plan().steps.map((step) => (step.weightBp === 10_000 ? { ...step, weightBp: 9_900 } : step));
  const { entries, exit } = ask(plan(), HEALTHY, plan({}, { steps, holdbackBp: 100 }));
  assert.deepEqual([entries.at(-1)?.now?.verdict, exit], ['pass', 0]);
});

test('between two recorded moments a failure is seen at the later one; heartbeats of lost workers are moments too', () => {
  const seen = (how: Recorded) => {
    const { entries, resolution } = ask(plan({ tolerance: 0.02 }), WORSE, plan(), how);
    return { failedAfterMs: entries[1]?.now?.afterMs ?? 0, resolution };
  };
  const [coarse, fine, lost] = [EVERY_FIVE, { bucketMs: 10_000 }, { ...EVERY_FIVE, lostAtTick: 40 }].map(seen);
  assert.deepEqual([coarse?.resolution.longestGapMs, coarse?.resolution.heartbeats], [5 * MINUTE_MS, 0]);
  assert.equal(coarse?.failedAfterMs, 5 * MINUTE_MS);
  assert.ok((fine?.failedAfterMs ?? Infinity) < 5 * MINUTE_MS);
  assert.deepEqual([lost?.resolution.heartbeats, lost?.failedAfterMs], [5, 200_000]);
});

test('what has happened twice has, under every policy', () => {
  const gates = [gate('dedupe')];
  const policy = stepPolicyOf({ gates, weightBp: 100 });
  const reading = { dedupe: sample(5_000, { replays: 10, misses: 1, duplicateEffects: 1 }) };
  const before = { dedupe: sample(2_000, { replays: 5, misses: 0, duplicateEffects: 0 }) };
  const { evidence, verdicts } = judge(policy, judge(policy, openEvidence(policy), before).evidence, reading);
  const judgement = { at: 0, verdict: 'fail', gates: verdicts, soakedMs: 5_000 } as const;
  const moment = { ramp: 'r~1', step: 0, policy, evidence, judgement, from: 'bucket' } as const;
  const other = planWith();
  const tolerant = { ...other, judge: { ...other.judge, gates: [gate('dedupe', { tolerance: 0.9 })] } };
  const { entries, consequence } = whatIf({ plan: other, moments: [moment], outcome: undefined }, tolerant);
  assert.deepEqual([entries[0]?.now?.verdict, consequence], ['fail', 'same']);
});

test('a rollout that still runs is judged as far as it is recorded', () => {
  const { consequence, exit, text } = ask(plan(), HEALTHY, plan(), { ...EVERY_FIVE, running: true });
  assert.deepEqual([consequence, exit], ['same', 5]);
  assert.match(text, /still running/);
});

const folder = mkdtempSync(join(tmpdir(), 'sluice-what-if-'));
after(() => {
  rmSync(folder, { recursive: true });
});
const control = 'http://127.0.0.1:9';
writeFileSync(
  join(folder, 'sluice.config.yaml'),
  JSON.stringify({
    environments: { production: { production: true } },
    routers: { edge: { type: 'edge', control, public: control, token: { env: 'NOBODY' } } },
    metrics: { prom: { type: 'scrape', urls: [control] } },
  }),
);
writeFileSync(
  join(folder, 'other.yaml'),
  JSON.stringify({
    service: 'answer-api',
    environment: 'production',
    candidate: { release: 'any', revision: 'green' },
    router: 'edge',
    metrics: 'prom',
  }),
);
writeFileSync(join(folder, 'history.json'), JSON.stringify(record(plan({ tolerance: 0.02 }), WORSE, EVERY_FIVE)));

async function run(...words: readonly string[]): Promise<{ exit: number; out: readonly string[]; err: readonly string[] }> {
  const { surroundings, out, err } = surroundingsThatRecord({ cwd: folder });
  return { exit: await runCommandLine(['what-if', ...words], surroundings), out, err };
}

test('the command shows the steps side by side, the differences, its resolution and the consequence, and exits by it', async () => {
  const { exit, out } = await run('history.json', '--policy', 'other.yaml');
  assert.equal(exit, 2);
  assert.equal(out[0], 'answer-api production 9f3c1e, judged again under other.yaml');
  assert.deepEqual(out[2]?.split(/ {2,}/), ['ramp', 'step', 'weight', 'recorded', 'now']);
  assert.match(out.join('\n'), /^1 +2 +5 % +pass after 10 min +fail after 5 min$/m);
  assert.match(out.join('\n'), /^1 +2 +5 min +5xx +inconclusive: still soaking +fail: the candidate is worse$/m);
  assert.match(
    out.join('\n'),
    /^looked at \d+ recorded moments, up to 5 min of soak apart; a failure between two is seen at the later one$/m,
  );
  assert.match(out.join('\n'), /^not judged, since nothing was recorded: p95, cold starts, queue age$/m);
  assert.match(out.at(-1) ?? '', /^would have been rolled back at 5 %/);
  assert.deepEqual(
    out.filter((line) => line.length > 120),
    [],
  );
});

test('a setting over the file is another policy, and a programme gets the same', async () => {
  const { exit, out } = await run(
    'history.json',
    '--policy',
    'other.yaml',
    '--set',
    'gates.errors.tolerance=2%',
    '--set',
    'bake=10m',
    '-o',
    'json',
  );
  const found = JSON.parse(out.join('')) as Partial<WhatIf> & { exitCode: number };
  assert.deepEqual([exit, found.exitCode, found.consequence, found.entries?.length], [0, 0, 'same', 5]);
});

const replayed = (name: string): string => fileURLToPath(new URL(`../replay/histories/${name}.json`, import.meta.url));

test('what cannot be judged again is one line that says what was expected', async () => {
  for (const [history, expected] of [
    ['gone.json', /cannot read gone\.json .*workflow id such as rollout\/production\/answer-api/],
    ['other.yaml', /found no history in other\.yaml/],
    [replayed('refused-by-preflight'), /found no judged step in .*nothing to judge again/],
    // Recorded with a judge that keeps nothing, in several runs.
    [replayed('promoted-in-several-runs'), /found verdicts but no evidence/],
  ] as const) {
    const { exit, out, err } = await run(history, '--policy', 'other.yaml');
    assert.deepEqual([exit, out, err.length], [1, [], 1], history);
    assert.match(err[0] ?? '', expected);
  }
});
