import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { CONFIG, configMessages, FIVE_LINES, messages, planOf, platform } from './fixtures.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const in_ = (profile: string): RolloutPlan => planOf(`${FIVE_LINES.replace('production', 'staging')}profile: ${profile}\n`);

/** The rows of the table of design.md §8. */
function row(plan: RolloutPlan): object {
  const [first] = plan.steps;
  const last = plan.steps.at(-1);
  const { limits } = plan;
  return {
    steps: plan.steps.map(({ weightBp }) => weightBp / 100),
    soak: [first?.soakMs, first?.soakMaxMs],
    bake: last?.soakMs,
    drain: [plan.drain.minMs, plan.drain.ceilingMs],
    keepStable: plan.keepStableMs,
    tick: plan.tickMs,
    lease: plan.leaseMs,
    minimumRequests: plan.judge.minimumRequests,
    coolOff: plan.retry.max === 0 ? 'no retry' : plan.retry.coolOffMs,
    limits: [limits.approvalMs, limits.pauseMs, limits.inconclusiveMs, limits.idleMs, limits.frozenMs],
    blind: limits.blindMs,
  };
}

test('standard is as the table says', () => {
  assert.deepEqual(row(in_('standard')), {
    steps: [1, 5, 25, 50, 100],
    soak: [10 * MINUTE, 60 * MINUTE],
    bake: 30 * MINUTE,
    drain: [MINUTE, 15 * MINUTE],
    keepStable: HOUR,
    tick: 5_000,
    lease: 30_000,
    minimumRequests: 50,
    coolOff: 15 * MINUTE,
    limits: [24 * HOUR, 24 * HOUR, 24 * HOUR, 24 * HOUR, 72 * HOUR],
    blind: 10 * MINUTE,
  });
});

test('cautious is as the table says, holds 1 % back in the bake, and begins at 1 % until there are cohorts', () => {
  assert.deepEqual(row(in_('cautious')), {
    steps: [1, 5, 25, 50, 99],
    soak: [20 * MINUTE, 2 * HOUR],
    bake: HOUR,
    drain: [2 * MINUTE, 30 * MINUTE],
    keepStable: 24 * HOUR,
    tick: 5_000,
    lease: 30_000,
    minimumRequests: 200,
    coolOff: 30 * MINUTE,
    limits: [24 * HOUR, 24 * HOUR, 24 * HOUR, 24 * HOUR, 72 * HOUR],
    blind: 10 * MINUTE,
  });
});

test('hotfix is as the table says', () => {
  assert.deepEqual(row(in_('hotfix')), {
    steps: [25, 100],
    soak: [3 * MINUTE, 15 * MINUTE],
    bake: 10 * MINUTE,
    drain: [MINUTE, 15 * MINUTE],
    keepStable: HOUR,
    tick: 5_000,
    lease: 30_000,
    minimumRequests: 50,
    coolOff: 'no retry',
    limits: [4 * HOUR, 4 * HOUR, 4 * HOUR, 4 * HOUR, 24 * HOUR],
    blind: 5 * MINUTE,
  });
});

test('rehearsal is as the table says, and the plan carries the word', () => {
  const plan = in_('rehearsal');
  assert.equal(plan.rehearsal, true);
  assert.deepEqual(row(plan), {
    steps: [1, 5, 25, 50, 100],
    soak: [5_000, MINUTE],
    bake: 5_000,
    drain: [1_000, 30_000],
    keepStable: 5_000,
    tick: 1_000,
    lease: 15_000,
    minimumRequests: 20,
    coolOff: 2_000,
    limits: [MINUTE, MINUTE, MINUTE, MINUTE, MINUTE],
    blind: 20_000,
  });
});

test('errors, latency, cold starts and queue age are judged by default, and only errors must be measured', () => {
  assert.deepEqual(
    in_('standard').judge.gates.map(({ gate, mode, tolerance, required }) => [gate, mode, tolerance, required]),
    [
      ['errors', 'sequential', 0.0005, true],
      ['latency', 'sequential', 1.1, false],
      ['cold-starts', 'sequential', 0.05, false],
      ['queue-age', 'sequential', 30, false],
    ],
  );
});

const QUIET = `${CONFIG}
profiles:
  quiet: {extends: standard, steps: [25, 50, 100], soak: 30m, limits: {blind: 20m}}
  drill: {extends: rehearsal, soak: 2s}
`;

test('a profile of the platform team changes what it says, and leaves the rest as it was', () => {
  const plan = planOf(`${FIVE_LINES}profile: quiet\n`, { platform: platform(QUIET) });
  assert.deepEqual([plan.profile, plan.steps[0]?.weightBp, plan.steps[0]?.soakMs], ['quiet', 2_500, 30 * MINUTE]);
  assert.deepEqual([plan.limits.blindMs, plan.limits.frozenMs], [20 * MINUTE, 72 * HOUR]);
});

test('a profile that extends rehearsal is a rehearsal, and refused in production', () => {
  const by = platform(QUIET);
  assert.equal(planOf(`${FIVE_LINES.replace('production', 'staging')}profile: drill\n`, { platform: by }).rehearsal, true);
  assert.match(
    messages(`${FIVE_LINES}profile: drill\n`, { platform: by }).join(),
    /profile: found "drill", expected a profile that is no rehearsal/,
  );
});

test('a profile that no rollout could use is a problem of the configuration', () => {
  assert.deepEqual(
    configMessages(
      `environments: {production: {production: true}}\nprofiles:\n  bad: {extends: standard, soak: 10s, steps: [5, 5], tick: 30s}\n  hotfix: {extends: standard}\n  odd: {extends: quick}\n`,
    ),
    [
      'sluice.config.yaml:3:34 profiles.bad.soak: found "10s", expected at least 3m; only the profile rehearsal goes under it',
      'sluice.config.yaml:3:34 profiles.bad.soak: found "10s", expected at least 30s; a step is judged at least once',
      'sluice.config.yaml:3:50 profiles.bad.steps[1]: found 5, expected more than the step before (5 %); weights rise strictly',
      'sluice.config.yaml:3:50 profiles.bad.steps[1]: found 5, expected 100; the last step carries everybody, and its soak is the bake',
      'sluice.config.yaml:3:8 profiles.bad.lease: found 30s (from the profile standard), expected at least 70s; a worker that takes over must come before the lease lapses (2 × tick + 10s)',
      'sluice.config.yaml:4:11 profiles.hotfix: found a profile named hotfix, expected another name than standard, cautious, hotfix, rehearsal; shipped profiles keep their meaning',
      'sluice.config.yaml:5:18 profiles.odd.extends: found "quick", expected one of standard, cautious, hotfix, rehearsal',
    ].toSorted(
      (a, b) =>
        Number(a.split(':')[1]) - Number(b.split(':')[1]) ||
        Number(a.split(':')[2]?.split(' ')[0]) - Number(b.split(':')[2]?.split(' ')[0]),
    ),
  );
});
