import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { digestOf } from '../../src/spec/digest.js';
import { parseConfig } from '../../src/spec/parse-config.js';
import { CONFIG, FIVE_LINES, messages, parse, planOf, platform } from './fixtures.js';

const example = (name: string): string => readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8');

test('five lines are a whole rollout: the ladder, the soaks and the gates of the profile standard', () => {
  const plan = planOf(FIVE_LINES);
  assert.deepEqual(plan.target, { service: 'answer-api', environment: 'production' });
  assert.deepEqual(plan.candidate, { id: 'green', slot: 'green', release: '9f3c1e' });
  assert.deepEqual(plan.connections, { router: 'edge-haproxy', metrics: ['prod-prom'], notify: [] });
  assert.deepEqual(
    plan.steps.map(({ weightBp }) => weightBp),
    [100, 500, 2_500, 5_000, 10_000],
  );
  assert.deepEqual([plan.profile, plan.rehearsal, plan.production], ['standard', false, true]);
});

test('every field of the file reaches the plan, in the units of the domain', () => {
  const { digest, ...plan } = planOf(`
service: answer-api
environment: production
candidate: {release: v1.2.3+4, revision: green, schemaPins: {schemaRev: 7, indexHash: sha-1, modelTag: "m:1"}}
router: edge-haproxy
metrics: [prod-prom, exporter]
capacity: {connection: serverless, headroom: 2, expectedRps: 120.5, meanLatency: 400ms, concurrency: 8}
queues: jobs
notify: [oncall, pager]
profile: cautious
steps: [0.5, {weight: 25, soak: 30m, approval: {approvers: [alice, bob], count: 2, notTheStarter: true}}, 100]
soak: 15m
soakMax: 90m
bake: 3h
gates:
  errors: {tolerance: 0.1%, mode: threshold, consecutive: 5}
  latency: {tolerance: 20%, required: true}
  coldStarts: {mode: observe, tolerance: 7.5%}
  queueAge: {mode: off}
  drift: {tolerance: 0.02}
  dedupe: {alpha: 25%}
alpha: 2%
risk: {badRequestsPerStep: 40, beta: 2.5%}
lookBack: 2h
minimumRequests: 300
stale: 45s
tick: 2s
lease: 25s
bucket: 2m
sticky: false
retry: {max: 2, coolOff: 20m, total: 6}
idle: {then: roll-back}
limits: {approval: 2h, pause: 3h, inconclusive: 4h, idle: 5h, blind: 6m, foreignRoute: 7m, schemaHold: 8h, frozen: 9h}
changeWindows: [{days: [mon, tue], from: 09:00, to: "17:00"}]
warmUp: {path: /warm, hold: 20s, timeout: 4m}
probes: {path: /healthz, count: 30, maxFailures: 2}
drain: {min: 90s, ceiling: 20m}
batch: {pauseUpTo: 50%, capPerPartition: 4}
keepStable: 2d
`);
  const schemaPins = { schemaRev: 7, indexHash: 'sha-1', modelTag: 'm:1' };
  const MINUTE = 60_000;
  const HOUR = 60 * MINUTE;
  assert.deepEqual(plan, {
    target: { service: 'answer-api', environment: 'production' },
    candidate: { id: 'green', slot: 'green', release: 'v1.2.3+4', schemaPins },
    profile: 'cautious',
    rehearsal: false,
    production: true,
    connections: {
      router: 'edge-haproxy',
      metrics: ['prod-prom', 'exporter'],
      capacity: 'serverless',
      queues: 'jobs',
      notify: ['oncall', 'pager'],
    },
    steps: [
      { weightBp: 50, soakMs: 15 * MINUTE, soakMaxMs: 90 * MINUTE },
      { weightBp: 2_500, soakMs: 30 * MINUTE, soakMaxMs: 90 * MINUTE },
      { weightBp: 9_900, soakMs: 3 * HOUR, soakMaxMs: 3 * HOUR },
    ],
    holdbackBp: 100,
    lookBackMs: 2 * HOUR,
    judge: {
      gates: [
        { gate: 'errors', mode: 'threshold', tolerance: 0.001, required: true, consecutive: 5 },
        { gate: 'latency', mode: 'sequential', tolerance: 1.2, required: true, consecutive: 3 },
        { gate: 'cold-starts', mode: 'observe', tolerance: 0.075, required: false, consecutive: 3 },
        { gate: 'drift', mode: 'sequential', tolerance: 0.02, required: false, consecutive: 3 },
        { gate: 'dedupe', mode: 'sequential', tolerance: 0.001, required: false, consecutive: 3, share: 0.25 },
      ],
      alpha: 0.02,
      beta: 0.025,
      minimumRequests: 300,
      staleMs: 45_000,
      badRequestsBudget: 40,
    },
    tickMs: 2_000,
    leaseMs: 25_000,
    bucketMs: 120_000,
    sticky: false,
    approvals: [{ beforeStep: 1, count: 2, approvers: ['alice', 'bob'], notTheStarter: true }],
    limits: {
      approvalMs: 2 * HOUR,
      pauseMs: 3 * HOUR,
      inconclusiveMs: 4 * HOUR,
      idleMs: 5 * HOUR,
      blindMs: 6 * MINUTE,
      foreignRouteMs: 7 * MINUTE,
      schemaHoldMs: 8 * HOUR,
      frozenMs: 9 * HOUR,
    },
    retry: { max: 2, coolOffMs: 20 * MINUTE, total: 6 },
    idleThen: 'roll-back',
    changeWindows: [
      { fromMinute: 540, toMinute: 1_020 },
      { fromMinute: 1_980, toMinute: 2_460 },
    ],
    warmUp: { path: '/warm', holdMs: 20_000, timeoutMs: 4 * MINUTE },
    probes: { path: '/healthz', count: 30, maxFailures: 2 },
    drain: { minMs: 90_000, ceilingMs: 20 * MINUTE },
    capacity: { headroom: 2, expectedP50Rps: 120.5, meanLatencyS: 0.4, concurrencyPerInstance: 8 },
    pauseBatchUpToBp: 5_000,
    capPerPartition: 4,
    keepStableMs: 48 * HOUR,
    schemaPins,
  });
  assert.match(digest, /^[0-9a-f]{64}$/);
});

test('the example files are right, and belong together', () => {
  const config = parseConfig(example('sluice.config.yaml'), { file: 'sluice.config.yaml', env: {} });
  assert.ok(config.kind === 'ok');
  assert.deepEqual(messages(example('rollout.yaml'), { platform: config.config }), []);
});

test('all problems come at once, in reading order, each with its place, what was found and what is allowed', () => {
  const text = `servce: answer-api
environment: prodution
candidate: {release: 12, revision: green}
router: edge
metrics: [prod-prm]
soak: 5
drain: {min: 5s}
gates: {errors: {tolerance: 0.05}, latency: {tolerances: 10%}}
lease: 15s
notify: oncal
limits: 5m
profile: rehersal
steps:
  - 5
  - {weigth: 25}
`;
  assert.deepEqual(messages(text), [
    'rollout.yaml:1:1 service: found nothing, expected a name of 1 to 63 lower-case letters, digits and inner hyphens',
    'rollout.yaml:1:1 servce: found an unknown key, expected a known key; did you mean service?',
    'rollout.yaml:2:14 environment: found "prodution", expected one of production, staging; did you mean production?',
    'rollout.yaml:3:22 candidate.release: found 12, expected 1 to 128 letters, digits and . _ + - (a version such as 012 or 1.10 needs quotes)',
    'rollout.yaml:4:9 router: found "edge", expected one of edge-haproxy, other',
    'rollout.yaml:5:11 metrics[0]: found "prod-prm", expected one of prod-prom, exporter; did you mean prod-prom?',
    'rollout.yaml:6:7 soak: found 5, expected a duration of at least 1s such as 500ms, 5s, 5m, 2h or 1d',
    'rollout.yaml:7:14 drain.min: found "5s", expected at least 1m; only the profile rehearsal goes under it',
    'rollout.yaml:8:29 gates.errors.tolerance: found 0.05, expected a percentage with its sign, over 0 % and at most 50 %, such as 0.05%',
    'rollout.yaml:8:46 gates.latency.tolerances: found an unknown key, expected a known key; did you mean tolerance?',
    'rollout.yaml:9:8 lease: found "15s", expected at least 20s; a worker that takes over must come before the lease lapses (2 × tick + 10s)',
    'rollout.yaml:10:9 notify: found "oncal", expected one of oncall, pager; did you mean oncall?',
    'rollout.yaml:11:9 limits: found "5m", expected a mapping with the keys approval, pause, inconclusive, idle, blind, foreignRoute, schemaHold, frozen',
    'rollout.yaml:12:10 profile: found "rehersal", expected one of standard, cautious, hotfix, rehearsal; did you mean rehearsal?',
    'rollout.yaml:15:5 steps[1].weight: found nothing, expected a percentage from 0.01 to 100, in steps of 0.01',
    'rollout.yaml:15:6 steps[1].weigth: found an unknown key, expected a known key; did you mean weight?',
  ]);
});

test('an unknown key that is near to none gets the list of the known ones', () => {
  assert.deepEqual(messages(`${FIVE_LINES}drain: {foo: 1}\n`), [
    'rollout.yaml:6:9 drain.foo: found an unknown key, expected one of min, ceiling',
  ]);
});

test('weights rise strictly, and the last is 100', () => {
  assert.deepEqual(messages(`${FIVE_LINES}steps:\n  - 5\n  - 25\n  - 25\n  - 60\n`), [
    'rollout.yaml:9:5 steps[2]: found 25, expected more than the step before (25 %); weights rise strictly',
    'rollout.yaml:10:5 steps[3]: found 60, expected 100; the last step carries everybody, and its soak is the bake',
  ]);
  assert.match(messages(`${FIVE_LINES}steps: []\n`)[0] ?? '', /found an empty list, expected a list of 1 to 20/);
  assert.match(
    messages(`${FIVE_LINES}steps: [0, 100]\n`)[0] ?? '',
    /steps\[0\]: found 0, expected a percentage from 0\.01 to 100/,
  );
});

test('minimum times hold for everybody but rehearsals', () => {
  assert.deepEqual(
    messages(
      `${FIVE_LINES}soak: 2m\nbake: 9m\ndrain: {min: 121s}\nretry: {coolOff: 59s}\nsteps: [{weight: 5, soak: 1m}, 50, 100]\n`,
    ),
    [
      'rollout.yaml:6:7 soak: found "2m", expected at least 3m; only the profile rehearsal goes under it',
      'rollout.yaml:7:7 bake: found "9m", expected at least 10m; only the profile rehearsal goes under it',
      'rollout.yaml:8:14 drain.min: found "121s", expected at most 2m; drain.ceiling waits longer for open streams',
      'rollout.yaml:9:18 retry.coolOff: found "59s", expected at least 1m; only the profile rehearsal goes under it',
      'rollout.yaml:10:27 steps[0].soak: found "1m", expected at least 3m; only the profile rehearsal goes under it',
    ],
  );
  const staging = FIVE_LINES.replace('environment: production', 'environment: staging');
  assert.equal(planOf(`${staging}profile: rehearsal\nsoak: 2s\nbake: 3s\ndrain: {min: 0s}\n`).steps[0]?.soakMs, 2_000);
});

test('a rehearsal is refused where users are real', () => {
  assert.deepEqual(messages(`${FIVE_LINES}profile: rehearsal\n`), [
    'rollout.yaml:6:10 profile: found "rehearsal", expected a profile that is no rehearsal; production is marked production: true in sluice.config.yaml',
  ]);
});

test('a soak over the soakMax of the profile raises it; a soakMax that was written must not be too short', () => {
  assert.equal(planOf(`${FIVE_LINES}soak: 2h\n`).steps[0]?.soakMaxMs, 7_200_000);
  assert.deepEqual(messages(`${FIVE_LINES}soak: 2h\nsoakMax: 1h\n`), [
    'rollout.yaml:7:10 soakMax: found "1h", expected at least 2h; the soak of 1 % is not above soakMax',
  ]);
});

test('the rules between fields name the field that breaks them', () => {
  const text = `${FIVE_LINES}drain: {min: 60s, ceiling: 30s}
bucket: 10s
tick: 20s
warmUp: {hold: 6m}
probes: {count: 20, maxFailures: 21}
gates: {errors: {mode: off}}
stale: 10s
lease: 50s
steps: [{weight: 50, approval: {approvers: [alice], count: 2}}, 100]
`;
  assert.deepEqual(messages(text), [
    'rollout.yaml:6:28 drain.ceiling: found "30s", expected at least 1m; the ceiling is not below drain.min',
    'rollout.yaml:7:9 bucket: found "10s", expected at least 1m; what holds for three ticks of a bucket is told',
    'rollout.yaml:9:9 warmUp.timeout: found 5m (from the profile standard), expected at least 6m; the candidate must hold ready for warmUp.hold',
    'rollout.yaml:10:34 probes.maxFailures: found 21, expected at most probes.count (20)',
    'rollout.yaml:11:24 gates.errors.mode: found "off", expected sequential or threshold; without an error gate nothing advances, unless idle.then is accept-on-probes',
    'rollout.yaml:12:8 stale: found "10s", expected at least 20s; a source gives a sample no more often than that',
    'rollout.yaml:14:60 steps[0].approval.count: found 2, expected at most as many as there are approvers (1)',
  ]);
});

test('without an error gate a rollout may go on probes alone, where it says so', () => {
  const plan = planOf(`${FIVE_LINES}gates: {errors: {mode: off}}\nidle: {then: accept-on-probes}\n`);
  assert.deepEqual(
    plan.judge.gates.map(({ gate }) => gate),
    ['latency', 'cold-starts', 'queue-age'],
  );
});

test('a bake may keep a few users on stable; a duration alone leaves the holdback of the profile', () => {
  const last = (text: string) => {
    const { steps, holdbackBp } = planOf(`${FIVE_LINES}${text}`);
    return [steps.at(-1)?.weightBp, steps.at(-1)?.soakMs, holdbackBp];
  };
  const MINUTE = 60_000;
  assert.deepEqual(last(''), [10_000, 30 * MINUTE, undefined]);
  assert.deepEqual(last('bake: {holdback: 2.5%}\n'), [9_750, 30 * MINUTE, 250]);
  assert.deepEqual(last('bake: {soak: 45m, holdback: 1}\n'), [9_900, 45 * MINUTE, 100]);
  assert.deepEqual(last('profile: cautious\nbake: 2h\n'), [9_900, 120 * MINUTE, 100]);
  assert.deepEqual(last('profile: cautious\nbake: {holdback: 0%}\n'), [10_000, 60 * MINUTE, undefined]);
  assert.equal(planOf(FIVE_LINES, { set: ['bake=40m', 'lookBack=0s'] }).lookBackMs, undefined);
  assert.deepEqual(messages(`${FIVE_LINES}bake: {holdback: 11%, soka: 1m}\n`), [
    'rollout.yaml:6:18 bake.holdback: found "11%", expected a percentage from 0 to 10, in steps of 0.01',
    'rollout.yaml:6:23 bake.soka: found an unknown key, expected a known key; did you mean soak?',
  ]);
  assert.deepEqual(messages(`${FIVE_LINES}bake: {soak: 9m, holdback: 1%}\n`), [
    'rollout.yaml:6:14 bake.soak: found "9m", expected at least 10m; only the profile rehearsal goes under it',
  ]);
  assert.match(
    messages(`${FIVE_LINES}bake: soon\n`)[0] ?? '',
    /bake: found "soon", expected a duration of at least 1s, or \{soak, holdback\}$/,
  );
  assert.match(
    messages(`${FIVE_LINES}steps: [25, 95, 100]\nbake: {holdback: 5%}\n`)[0] ?? '',
    /steps\[2\]: found 100, expected more than the step before \(95 %\)/,
  );
});

test('samples are stale after four intervals of the slowest source, and never before 15 s', () => {
  assert.equal(planOf(FIVE_LINES).judge.staleMs, 60_000);
  assert.equal(planOf(FIVE_LINES.replace('prod-prom', '[exporter, prod-prom]')).judge.staleMs, 60_000);
  assert.equal(planOf(FIVE_LINES.replace('prod-prom', 'exporter')).judge.staleMs, 20_000);
  assert.equal(planOf(`${FIVE_LINES.replace('prod-prom', 'exporter')}tick: 1s\n`).judge.staleMs, 15_000);
});

test('names follow the rules of ids: labels for service and environment, wider for releases', () => {
  for (const service of ['Answer', 'a_b', '-a', 'a-', 'a.b', 'x'.repeat(64)])
    assert.equal(parse(FIVE_LINES.replace('answer-api', service)).kind, 'invalid', service);
  for (const service of ['a', '0', 'a-b', 'x'.repeat(63)])
    assert.equal(parse(FIVE_LINES.replace('answer-api', `"${service}"`)).kind, 'ok', service);
  for (const release of ['', 'a b', 'a/b', 'x'.repeat(129), 'ä', 'a\n'])
    assert.equal(parse(FIVE_LINES, { env: { GITHUB_SHA: release } }).kind, 'invalid', release);
  for (const release of ['1', 'v1.2.3-rc.1+build_7', 'x'.repeat(128)])
    assert.equal(parse(FIVE_LINES, { env: { GITHUB_SHA: release } }).kind, 'ok', release);
});

test('the digest is that of the plan: however it was written, and different for every difference', () => {
  const { digest } = planOf(FIVE_LINES);
  const [first, ...others] = FIVE_LINES.trimEnd().split('\n');
  assert.equal(
    planOf(
      `${others.reverse().join('\n')}\n${first ?? ''}\nprofile: standard\nsoak: 600s\nsteps: [1, 5%, {weight: 25}, 50, 100]\n`,
    ).digest,
    digest,
  );
  for (const change of [
    'soak: 11m',
    'notify: oncall',
    'gates: {latency: {required: true}}',
    'profile: cautious',
    'batch: {pauseUpTo: 5}',
  ]) {
    assert.notEqual(planOf(`${FIVE_LINES}${change}\n`).digest, digest, change);
  }
  assert.notEqual(planOf(FIVE_LINES, { env: { GITHUB_SHA: 'other' } }).digest, digest);
});

test('the digest does not depend on the order of keys, nor on the digest', () => {
  const plan = planOf(FIVE_LINES);
  const reversed = Object.fromEntries(
    Object.entries({ ...plan, drain: { ceilingMs: plan.drain.ceilingMs, minMs: plan.drain.minMs } }).reverse(),
  ) as unknown as RolloutPlan;
  assert.equal(digestOf(reversed), plan.digest);
});

test('an unknown connection lists those that this rollout may use, and no others', () => {
  const by = platform(CONFIG_WITH_ALLOW);
  assert.deepEqual(messages(FIVE_LINES, { platform: by }), [
    'rollout.yaml:4:9 router: found "edge-haproxy", expected other; allow.routers.edge-haproxy of sluice.config.yaml leaves out answer-api in production',
  ]);
  assert.deepEqual(messages(FIVE_LINES.replace('answer-api', 'search-eu'), { platform: by }), []);
  assert.match(
    messages(FIVE_LINES.replace('edge-haproxy', 'nobody'), { platform: by })[0] ?? '',
    /found "nobody", expected other$/,
  );
  assert.match(
    messages(FIVE_LINES.replace('answer-api', 'search-eu').replace('production', 'staging'), { platform: by })[0] ?? '',
    /leaves out search-eu in staging$/,
  );
});

const CONFIG_WITH_ALLOW = `
routers:
  edge-haproxy: {type: edge, control: "http://127.0.0.1:1", public: "http://127.0.0.1:2", token: {env: TOKEN}}
  other: {type: edge, control: "http://127.0.0.1:3", public: "http://127.0.0.1:4", token: {env: TOKEN}}
metrics: {prod-prom: {type: prometheus, url: "http://127.0.0.1:9090", scrapeInterval: 15s}}
environments: {production: {production: true}, staging: {production: false}}
allow: {routers: {edge-haproxy: {services: ["search-*", billing], environments: [production]}}}
`;

test('a slot that the router does not have is refused where it is written; a router without slots knows ids of its own', () => {
  const purple = FIVE_LINES.replace('revision: green', 'revision: purple');
  assert.deepEqual(messages(purple), [
    'rollout.yaml:3:49 candidate.revision: found "purple", expected one of blue, green; routers.edge-haproxy of sluice.config.yaml has the type edge, which runs revisions in two slots',
  ]);
  assert.match(messages(FIVE_LINES, { set: ['candidate.revision=Green'] }).join(), /^--set candidate\.revision: found "Green"/);
  const haproxy = CONFIG.replace(
    'edge-haproxy: {type: edge, control: "http://127.0.0.1:1", public: "http://127.0.0.1:2", token: {env: TOKEN}}',
    'edge-haproxy: {type: haproxy, adminSocket: a, directory: d, control: "http://127.0.0.1:1", public: "http://127.0.0.1:2", releaseToken: {env: TOKEN}}',
  );
  assert.match(messages(purple, { platform: platform(haproxy) }).join(), /expected one of blue, green; .* has the type haproxy/);
});

test('users are told apart by user and then by cookie unless told otherwise, in the order that is told (R18)', () => {
  const stickiness = (text: string): unknown => {
    const { sticky, stickyBy } = planOf(`${FIVE_LINES}${text}`);
    return { sticky, stickyBy };
  };
  assert.deepEqual(stickiness(''), { sticky: true, stickyBy: ['user', 'cookie'] });
  assert.deepEqual(stickiness('sticky: true\n'), { sticky: true, stickyBy: ['user', 'cookie'] });
  assert.deepEqual(stickiness('sticky: {by: [header, cookie]}\n'), { sticky: true, stickyBy: ['header', 'cookie'] });
  assert.deepEqual(stickiness('sticky: false\n'), { sticky: false, stickyBy: undefined });
  for (const wrong of ['{by: []}', '{by: [user, user]}', '{by: [release]}', '{by: cookie}', '{}', '2'])
    assert.equal(messages(`${FIVE_LINES}sticky: ${wrong}\n`).length, 1, wrong);
  assert.match(messages(`${FIVE_LINES}sticky: {by: [user, cookie, user]}\n`)[0] ?? '', /sticky\.by\[2\].*user is named before/);
});
