import assert from 'node:assert/strict';
import { test } from 'node:test';
import { floorFindings } from '../../src/spec/floor-rules.js';
import { refusedByPlatform } from '../../src/spec/platform-rules.js';
import { CONFIG, configMessages, FIVE_LINES, messages, planOf, platform, REHEARSAL } from './fixtures.js';

const WITH_FLOORS =
  platform(`${CONFIG.replace('production: {production: true}', 'production: {production: true, floors: {soak: 15m}}')}
floors:
  soak: 5m
  bake: 40m
  gates: [errors, latency]
  approval: {beforeWeight: 50, approvers: [alice, bob, carol], count: 2, notTheStarter: true}
`);

test('five lines stay legal: what the profile says is raised to the floors', () => {
  const plan = planOf(FIVE_LINES, { platform: WITH_FLOORS });
  assert.deepEqual(
    plan.steps.map(({ soakMs }) => soakMs / 60_000),
    [15, 15, 15, 15, 40],
  );
  assert.deepEqual(
    plan.judge.gates.filter(({ required }) => required).map(({ gate }) => gate),
    ['errors', 'latency'],
  );
  assert.deepEqual(plan.approvals, [{ beforeStep: 3, count: 2, approvers: ['alice', 'bob', 'carol'], notTheStarter: true }]);
});

test('a rollout may tighten: longer soaks, fewer approvers, more approvals, more gates', () => {
  const plan = planOf(
    `${FIVE_LINES}soak: 20m\ngates: {coldStarts: {required: true}}\nsteps: [5, {weight: 60, approval: {approvers: [alice, bob]}}, 100]\n`,
    { platform: WITH_FLOORS },
  );
  assert.equal(plan.steps[0]?.soakMs, 1_200_000);
  assert.deepEqual(plan.approvals, [{ beforeStep: 1, count: 2, approvers: ['alice', 'bob'], notTheStarter: true }]);
});

test('loosening is an error that names the floor', () => {
  const text = `${FIVE_LINES}soak: 14m
bake: 30m
gates: {errors: {required: false}, latency: {mode: off}}
steps: [5, {weight: 50, soak: 10m, approval: {count: 1, approvers: [alice, mallory], notTheStarter: false}}, 100]
`;
  assert.deepEqual(messages(text, { platform: WITH_FLOORS }), [
    'rollout.yaml:6:7 soak: found "14m", expected at least 15m; the floor is environments.production.floors.soak of sluice.config.yaml',
    'rollout.yaml:7:7 bake: found "30m", expected at least 40m; the floor is floors.bake of sluice.config.yaml',
    'rollout.yaml:8:28 gates.errors.required: found false, expected true; the floor is floors.gates of sluice.config.yaml',
    'rollout.yaml:8:52 gates.latency.mode: found "off", expected sequential or threshold; the floor is floors.gates of sluice.config.yaml',
    'rollout.yaml:9:31 steps[1].soak: found "10m", expected at least 15m; the floor is environments.production.floors.soak of sluice.config.yaml',
    'rollout.yaml:9:54 steps[1].approval.count: found 1, expected at least 2; the floor is floors.approval.count of sluice.config.yaml',
    'rollout.yaml:9:68 steps[1].approval.approvers: found mallory, expected some of alice, bob, carol; the floor is floors.approval.approvers of sluice.config.yaml',
    'rollout.yaml:9:101 steps[1].approval.notTheStarter: found false, expected true; the floor is floors.approval.notTheStarter of sluice.config.yaml',
  ]);
});

test('a rehearsal keeps its short soaks, but not fewer approvals or gates', () => {
  const plan = planOf(REHEARSAL, { platform: WITH_FLOORS });
  assert.equal(plan.steps[0]?.soakMs, 5_000);
  assert.equal(plan.approvals.length, 1);
  assert.ok(plan.judge.gates.find(({ gate }) => gate === 'latency')?.required);
});

test('a profile of the platform team is raised to its own floors', () => {
  const by = platform(
    `${CONFIG}floors: {soak: 15m, gates: [queueAge, drift]}\nprofiles: {quick: {extends: standard, soak: 5m, steps: [{weight: 50, soak: 4m}, 100], gates: {queueAge: {mode: observe}}}}\n`,
  );
  const plan = planOf(`${FIVE_LINES}profile: quick\n`, { platform: by });
  assert.equal(plan.steps[0]?.soakMs, 900_000);
  const decisive = plan.judge.gates.filter(({ required, mode }) => required && mode === 'sequential');
  assert.deepEqual(
    decisive.map(({ gate }) => gate),
    ['errors', 'queue-age', 'drift'],
  );
});

test('a worker finds by the plan alone that it was made under another configuration', () => {
  const plan = planOf(FIVE_LINES);
  assert.deepEqual(refusedByPlatform(plan, platform()), []);
  assert.deepEqual(
    floorFindings(plan, WITH_FLOORS).map(({ expected }) => expected),
    ['at least 15m', 'at least 15m', 'at least 15m', 'at least 15m', 'at least 40m', 'true', 'an approval before 50 %'],
  );
  const foreign = platform(
    CONFIG.replace('production: {production: true}', 'production: {production: false}').replace('edge-haproxy:', 'renamed:'),
  );
  assert.deepEqual(
    refusedByPlatform(plan, foreign).map(({ found }) => found),
    ['a plan for production: true', '"edge-haproxy"'],
  );
  const rehearsal = { ...planOf(REHEARSAL), target: { service: 'answer-api', environment: 'production' }, production: true };
  assert.deepEqual(
    refusedByPlatform(rehearsal, platform()).map(({ expected }) => expected),
    ['a profile that is no rehearsal'],
  );
});

test('a floor that nobody could meet is a problem of the configuration', () => {
  assert.deepEqual(
    configMessages(
      'environments: {production: {production: true, floors: {approval: {count: 3}}}}\nfloors: {approval: {approvers: [alice, bob]}}\n',
    ),
    [
      'sluice.config.yaml:1:74 environments.production.floors.approval.count: found 3, expected at most as many as there are approvers (2)',
    ],
  );
});

test('a holdback lowers no floor: the last step still needs its approval, and its bake its length', () => {
  const strict = platform(`${CONFIG}floors: {bake: 40m, approval: {beforeWeight: 100, count: 2}}\n`);
  const plan = planOf(`${FIVE_LINES}bake: {holdback: 1%}\n`, { platform: strict });
  assert.deepEqual(
    [plan.steps.at(-1)?.weightBp, plan.steps.at(-1)?.soakMs, plan.approvals],
    [9_900, 40 * 60_000, [{ beforeStep: 4, count: 2, approvers: [], notTheStarter: false }]],
  );
  assert.match(
    messages(`${FIVE_LINES}bake: {soak: 20m, holdback: 1%}\n`, { platform: strict })[0] ?? '',
    /bake\.soak: found "20m", expected at least 40m; the floor is floors\.bake/,
  );
  const { digest: _, ...without } = plan;
  const found = floorFindings({ ...without, digest: '', approvals: [] }, strict);
  assert.deepEqual(
    found.map(({ expected }) => expected),
    ['an approval before 100 %'],
  );
});
