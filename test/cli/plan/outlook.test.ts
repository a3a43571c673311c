/** What `sluice plan` says of what the rollout can see (judge.md §0), as people and programs read it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { expectedTraffic } from '../../../src/cli/plan/outlook.js';
import { runCommandLine } from '../../../src/cli/program.js';
import { recorded } from '../surroundings.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-plan-'));
after(() => {
  rmSync(folder, { recursive: true });
});
const control = 'http://127.0.0.1:9';
writeFileSync(
  join(folder, 'sluice.config.yaml'),
  JSON.stringify({
    environments: { test: { production: false } },
    routers: { edge: { type: 'edge', control, public: control, token: { env: 'NOBODY' } } },
    metrics: { prom: { type: 'scrape', urls: [control] } },
  }),
);
writeFileSync(
  join(folder, 'rollout.yaml'),
  JSON.stringify({
    service: 'app',
    environment: 'test',
    candidate: { release: '9f3c1e', revision: 'green' },
    router: 'edge',
    metrics: 'prom',
  }),
);

async function plan(...words: readonly string[]): Promise<readonly string[]> {
  const { surroundings, out, err } = recorded({ cwd: folder });
  assert.equal(await runCommandLine(['plan', ...words], surroundings), 0, err.join());
  return out;
}

const warnings = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.startsWith('warning: '));

test('what is found in which time, and whether a healthy release gets through, stand in tables that fit 100 columns', async () => {
  const lines = await plan('--rps', '200', '--error-rate', '0.1%');
  const begin = lines.indexOf('what it can see at 200 requests a second with 0.1 % errors on stable');
  const shown = lines.slice(
    begin,
    lines.findIndex((line) => line.startsWith('warning: ')),
  );
  assert.ok(begin > 0);
  assert.deepEqual(
    shown.filter((line) => Array.from(line).length > 100),
    [],
  );
  const columns = shown[2]?.split(/ {2,}/);
  assert.deepEqual(columns, [
    'weight',
    'soak',
    '5xx 0.5 %',
    '5xx 2 %',
    '5xx 20 %',
    '5xx 100 %',
    'p95 ×1.2',
    'p95 ×1.5',
    'p95 ×2',
  ]);
  for (const row of shown.slice(3, 8)) assert.equal(row.indexOf('5/5') > 0 && row.split(/ {2,}/).length, 9, row);
  assert.match(shown[3] ?? '', /^1 % +10m +– +\d+\/\d+ +10\/\d+ +5\/5 +– /);
  const passing = shown.findIndex((line) => line.startsWith('weight  alpha'));
  assert.match(shown[passing + 1] ?? '', /^1 % +0\.04 % +1,200 +51 +100 +100 +75 +the budget$/);
  assert.match(shown[passing + 5] ?? '', /^100 % +0\.04 % +360,000 .* – +certified$/);
});

test('what nobody said is assumed, and said to be', async () => {
  const lines = await plan();
  assert.ok(lines.includes('what it can see at 200 requests a second with 0.1 % errors on stable'));
  assert.ok(lines.includes('assumed, since nobody says otherwise: give --rps (or capacity.expectedRps) and --error-rate'));
  assert.match(warnings(lines).join(), /no expected traffic is given/);
});

test('the command line comes before the plan, and the plan before what is assumed', () => {
  const capacity = { headroom: 1.5, expectedP50Rps: 40, meanLatencyS: 0.2, concurrencyPerInstance: 10 };
  assert.deepEqual(expectedTraffic({ capacity }, {}), {
    requestsPerSecond: 40,
    errorRate: 0.001,
    rpsAssumed: false,
    errorRateAssumed: true,
  });
  assert.equal(expectedTraffic({ capacity }, { rps: 7, errorRate: 0 }).requestsPerSecond, 7);
  assert.ok(expectedTraffic({}, {}).rpsAssumed);
});

test('a programme gets the figures of the tables', async () => {
  const { outlook } = JSON.parse((await plan('--rps', '20', '-o', 'json')).join('')) as {
    outlook: {
      expected: object;
      steps: { weightBp: number; errors: ({ medianMs: number } | null)[]; passing: { requests: number; budget: number } }[];
    };
  };
  assert.equal(outlook.steps.length, 5);
  const [first] = outlook.steps;
  assert.deepEqual(
    [first?.weightBp, first?.errors.at(-1)?.medianMs, first?.passing.requests, first?.passing.budget],
    [100, 15_000, 120, 75],
  );
});

const SMALL = ['--set', 'risk.badRequestsPerStep=75'];

test('under the automatic budget healthy releases get through by themselves, also where stable has many errors', async () => {
  for (const rps of ['20', '200', '2000'])
    for (const rate of ['0.1%', '0.3%', '1%'])
      assert.doesNotMatch(
        warnings(await plan('--rps', rps, '--error-rate', rate)).join('\n'),
        /held as uncertain/,
        `${rps}, ${rate}`,
      );
});

test('where healthy releases would be held as uncertain the plan says so before the start, and what helps', async () => {
  for (const [rps, rate] of [
    ['20', '1%'],
    ['200', '0.3%'],
    ['200', '1%'],
  ] as const) {
    const found = warnings(await plan('--rps', rps, '--error-rate', rate, ...SMALL)).find((line) => line.includes('5xx at 50 %'));
    assert.match(found ?? '', /only \d+ of 100 releases as good as stable pass within 1h; the others are held as uncertain/, rps);
    assert.match(found ?? '', /risk\.badRequestsPerStep: \d+; gates\.errors\.tolerance: [\d.]+%;.* a shorter bake$/);
  }
  assert.doesNotMatch(warnings(await plan('--rps', '200', '--error-rate', '0.1%', ...SMALL)).join('\n'), /held as uncertain/);
});

test('what is said to help does', async () => {
  const held = warnings(await plan('--rps', '20', '--error-rate', '1%', ...SMALL)).join('\n');
  const budget = /risk\.badRequestsPerStep: (\d+)/.exec(held)?.[1] ?? '';
  const helped = await plan('--rps', '20', '--error-rate', '1%', '--set', `risk.badRequestsPerStep=${budget}`);
  assert.doesNotMatch(warnings(helped).join('\n'), /held as uncertain/);
});

test('a service with little traffic is proposed the ladder 25, 50, 100, under which a healthy release passes', async () => {
  for (const rps of ['1', '5']) {
    assert.match(warnings(await plan('--rps', rps)).join('\n'), /consider steps: \[25, 50, 100\]/, rps);
    const { outlook, warnings: left } = JSON.parse(
      (await plan('--rps', rps, '--set', 'steps=[25, 50, 100]', '-o', 'json')).join(''),
    ) as { outlook: { steps: { passing: { atSoakMax: number } }[] }; warnings: string[] };
    assert.doesNotMatch(left.join('\n'), /consider steps/);
    for (const { passing } of outlook.steps) assert.ok(passing.atSoakMax >= 0.95, `${rps} rps: ${String(passing.atSoakMax)}`);
  }
});

test('small steps that see just enough are still named where traffic is low', async () => {
  const found = await plan('--rps', '5', '--set', 'steps=[5, 25, 50, 100]');
  assert.match(
    warnings(found).join('\n'),
    /at 5 requests a second steps below 25 % prove little: consider steps: \[25, 50, 100\]/,
  );
});

test('the literal rule is told with the share of healthy releases that it rolls back', async () => {
  const found = warnings(await plan('--rps', '200', '--set', 'gates.errors.mode=threshold')).join('\n');
  const share = Number(/rolls back about (\d+) of 100 releases that are as good as stable/.exec(found)?.[1]);
  assert.ok(share > 60, found);
});

test('shares and rates that are none are refused in one line', async () => {
  for (const [words, expected] of [
    [['--rps', 'many'], /expected requests a second such as 200 or 0\.5/],
    [['--error-rate', '0.1'], /expected a share in percent such as 0\.1%/],
    [['--error-rate', '101%'], /expected a share in percent/],
  ] as const) {
    const { surroundings, err } = recorded({ cwd: folder });
    assert.equal(await runCommandLine(['plan', ...words], surroundings), 1);
    assert.equal(err.length, 1);
    assert.match(err[0] ?? '', expected);
  }
});
