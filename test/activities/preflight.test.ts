import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preflight } from '../../src/activities/preflight/preflight.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import type { GatePolicy } from '../../src/domain/policy.js';
import type { StickyBy } from '../../src/domain/words.js';
import { permanent, transient } from '../../src/providers/errors.js';
import { Attempt, CANDIDATE, CAPABILITIES, PLAN, RAMP, STABLE, Stage, WHERE } from './fakes.js';

/** A route that nobody holds, and a candidate that answers. */
function calm(): Stage {
  const stage = new Stage();
  stage.router.route = {
    stable: STABLE,
    candidate: undefined,
    effectiveBp: 0,
    candidateBp: 0,
    ramp: undefined,
    sequence: 0,
    lease: 'none',
    epoch: 4,
    at: 0,
  };
  stage.onFetch = (url) => stage.answer(url.pathname === '/healthz' ? 200 : 404, {}, url.hostname.replace('.test', ''));
  return stage;
}

function run(stage: Stage, plan: Partial<RolloutPlan> = {}) {
  const whole = { ...PLAN, ...plan };
  return stage.clock.run(
    new Attempt({ startToCloseTimeoutMs: 60_000 }).run(preflight(stage.tools), {
      where: { ...WHERE, connections: whole.connections },
      plan: whole,
    }),
  );
}

async function ground(stage: Stage, plan: Partial<RolloutPlan> = {}) {
  const result = await run(stage, plan);
  if (result.kind !== 'preflight') assert.fail(result.reasons.join('; '));
  return result.ground;
}

async function reasons(stage: Stage, plan: Partial<RolloutPlan> = {}): Promise<string> {
  const result = await run(stage, plan);
  if (result.kind !== 'refused') assert.fail(`expected a refusal, found ${result.kind}`);
  assert.equal(stage.router.times('apply'), 0, 'a refusal changed nothing');
  return result.reasons.join('\n');
}

const gate = (name: GatePolicy['gate'], required = false): GatePolicy => ({
  gate: name,
  mode: 'sequential',
  tolerance: 0.1,
  required,
  consecutive: 3,
});

test('outside of the change windows it refuses and says when the next one opens (X18)', async () => {
  const minute = Math.floor(calm().clock.now() / 60_000 - 4 * 24 * 60) % (7 * 24 * 60);
  const open = { fromMinute: minute - 10, toMinute: minute + 10 };
  const closed = { fromMinute: minute + 30, toMinute: minute + 40 };
  await ground(calm(), { changeWindows: [closed, open] });
  assert.match(
    await reasons(calm(), { changeWindows: [closed] }),
    /the change window is closed and opens at \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/,
  );
});

test('it records the ground that everything later stands on', async () => {
  const stage = calm();
  const found = await ground(stage, { connections: { ...PLAN.connections, capacity: 'autoscaler' } });
  assert.deepEqual(found, {
    stable: STABLE,
    epoch: 4,
    capabilities: CAPABILITIES,
    stableUnits: 4,
    gatesInForce: ['errors'],
    gatesNotJudged: [],
    warnings: [],
  });
  assert.equal(stage.router.times('revoke'), 0);
  assert.equal(stage.router.times('apply'), 0);
});

test('a ramp of this very rollout is dead by construction and is revoked', async () => {
  const stage = calm();
  const before = stage.router.route;
  const orphaned = {
    ...before,
    ramp: RAMP,
    lease: 'live' as const,
    candidate: CANDIDATE,
    effectiveBp: 2_500,
    candidateBp: 2_500,
    epoch: 5,
  };
  stage.router.onRead = (call) => (call === 1 ? orphaned : { ...orphaned, lease: 'revoked', effectiveBp: 0 });
  const found = await ground(stage);
  assert.equal(stage.router.times('revoke'), 1);
  assert.equal(found.epoch, 5);
  assert.match(found.warnings.join(), /earlier run was still open/);
});

test('a revoked ramp of anybody is history', async () => {
  const stage = calm();
  stage.router.route = { ...stage.router.route, ramp: { id: 'x~1', epoch: 4, owner: 'somebody' }, lease: 'revoked' };
  await ground(stage);
  assert.equal(stage.router.times('revoke'), 0);
});

test('a route that somebody else holds is refused by name and left alone', async () => {
  const stage = calm();
  stage.router.route = { ...stage.router.route, ramp: { id: 'x~1', epoch: 4, owner: 'rollout/other/place' }, lease: 'live' };
  assert.match(await reasons(stage), /held by ramp x~1 of "rollout\/other\/place"/);
  assert.equal(stage.router.times('revoke'), 0);
});

test('a router that cannot be read is tried a few times and named', async () => {
  const stage = calm();
  stage.router.onRead = transient('connection refused');
  assert.match(await reasons(stage), /router "edge" cannot be read: connection refused/);
  assert.equal(stage.router.times('read'), 3);
});

test('one hiccup of the router refuses nothing', async () => {
  const stage = calm();
  const route = stage.router.route;
  stage.router.onRead = (call) => (call === 1 ? Promise.reject(transient('reset')) : route);
  await ground(stage);
});

test('all reasons are told at once', async () => {
  const stage = calm();
  stage.router.route = { ...stage.router.route, stable: CANDIDATE };
  stage.router.onDescribe = { ...CAPABILITIES, stepBp: 1_000 };
  stage.onFetch = () => stage.answer(200, {}, 'blue');
  stage.source.onRead = transient('no route to host');
  const text = await reasons(stage);
  assert.match(text, /is the stable revision already/);
  assert.match(text, /cannot give 1 %/);
  assert.match(text, /"blue" answered 200 in its place; expected x-revision: green/);
  assert.match(text, /metrics "prom" cannot be read: no route to host/);
  assert.match(text, /no error gate would be in force/);
});

test('names that the worker does not know are all told, with the known ones', async () => {
  const text = await reasons(calm(), { connections: { router: 'edgy', metrics: ['promm'], notify: ['pager'] } });
  assert.match(text, /unknown router "edgy"; known: edge/);
  assert.match(text, /unknown metrics "promm"; known: prom/);
  assert.match(text, /unknown notifier "pager"; known: hook, chat/);
});

test('a router that was never told who is stable has no place to roll back to', async () => {
  const stage = calm();
  stage.router.route = { ...stage.router.route, stable: undefined };
  assert.match(await reasons(stage), /never been told which revision is stable/);
});

test('a candidate in the slot of stable is refused though it bears another name', async () => {
  assert.match(
    await reasons(calm(), { candidate: { id: 'green', release: 'r2', slot: 'blue' } }),
    /is the stable revision already/,
  );
});

test('a candidate that does not answer is asked again, since it may have to start first', async () => {
  const stage = calm();
  let asked = 0;
  stage.onFetch = (url) => {
    if (url.pathname !== '/healthz') return stage.answer(404);
    asked++;
    return asked < 3
      ? Promise.reject(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') }))
      : stage.answer(503);
  };
  await ground(stage);
  assert.equal(asked, 3);
});

test('a candidate that runs something else than declared is refused (X5)', async () => {
  const stage = calm();
  stage.onFetch = (url) =>
    stage.answer(
      200,
      url.pathname === '/healthz' ? {} : { releaseId: 'r1', schemaPins: { schemaRev: 7, indexHash: 'b', modelTag: 'm' } },
    );
  const text = await reasons(stage, { schemaPins: { schemaRev: 8, indexHash: 'a', modelTag: 'm' } });
  assert.match(text, /runs release "r1", the plan says r2/);
  assert.match(text, /SCHEMA_REV of the candidate is 7, the plan has 8/);
  assert.match(text, /INDEX_HASH/);
  assert.doesNotMatch(text, /MODEL_TAG/);
});

test('pins that do not fit stable are told, and hold the rollout later instead of refusing it (R27)', async () => {
  const stage = calm();
  stage.onFetch = (url) => {
    const by = url.hostname.replace('.test', '');
    return stage.answer(200, { releaseId: by === 'green' ? 'r2' : 'r1', schemaPins: { schemaRev: by === 'green' ? 6 : 7 } }, by);
  };
  assert.match((await ground(stage)).warnings.join(), /behind stable's 7/);
});

test('a gate that no source feeds is not judged; a required one refuses', async () => {
  const judge = { ...PLAN.judge, gates: [gate('errors'), gate('latency'), gate('queue-age')] };
  const found = await ground(calm(), { judge });
  assert.deepEqual(found.gatesInForce, ['errors']);
  assert.deepEqual(found.gatesNotJudged, ['latency', 'queue-age']);
  assert.match(
    await reasons(calm(), { judge: { ...judge, gates: [gate('errors'), gate('latency', true)] } }),
    /required gates need: latency/,
  );
});

test('a gate of the rollout’s own is in force where its connection is among those named, and is asked for there', async () => {
  const own = { ...gate('custom:checkout'), measure: { source: 'prom', kind: 'mapped', comparison: 'stable' } } as const;
  const elsewhere = { ...own, gate: 'custom:elsewhere', measure: { ...own.measure, source: 'other' } } as const;
  const stage = calm();
  const found = await ground(stage, { judge: { ...PLAN.judge, gates: [gate('errors'), own, elsewhere] } });
  assert.deepEqual(found.gatesInForce, ['errors', 'custom:checkout']);
  assert.deepEqual(stage.source.pairs.at(-1)?.custom, { checkout: own.measure });
});

test('without an error gate only accept-on-probes may begin', async () => {
  const stage = calm();
  stage.source.signals = ['latency'];
  assert.match(await reasons(stage), /no error gate would be in force/);
  const other = calm();
  other.source.signals = ['latency'];
  assert.deepEqual((await ground(other, { idleThen: 'accept-on-probes' })).gatesInForce, []);
});

test('what a router cannot do and a person may accept is a warning', async () => {
  const stage = calm();
  stage.router.onDescribe = {
    ...CAPABILITIES,
    lease: false,
    sticky: 'none',
    drain: 'timed',
    streamsSurvive: false,
    pinMiss: 'falls-through',
  };
  stage.source.sameInstant = false;
  const warnings = (await ground(stage)).warnings.join('\n');
  for (const expected of [/no lease/, /R17/, /ceiling/, /R16/, /no data/, /different instants/]) assert.match(warnings, expected);
});

test('the first pin of the plan must be one of the router’s, and later ones that are not are said (R18)', async () => {
  const by = (...stickyBy: readonly StickyBy[]) => ({ sticky: true, stickyBy });
  const stage = calm();
  stage.router.onDescribe = { ...CAPABILITIES, sticky: 'key-hash', stickyBy: ['user', 'header'] };
  assert.match(
    await reasons(stage, by('cookie', 'user')),
    /^the router cannot tell users apart by cookie, only by user, header: begin sticky\.by with one of those/,
  );
  assert.match((await ground(stage, by('user', 'cookie', 'header'))).warnings.join(), /apart by cookie: .* passed over/);
  assert.doesNotMatch((await ground(stage, by('user', 'header'))).warnings.join(), /apart by/);
  stage.router.onDescribe = { ...CAPABILITIES, sticky: 'key-hash' };
  assert.match(await reasons(stage, by('header')), /only by user/, 'a router of before');
});

test('a lease that would lapse between two ticks and a router without pins are refused', async () => {
  const stage = calm();
  stage.router.onDescribe = { ...CAPABILITIES, pin: 'none' };
  const text = await reasons(stage, { leaseMs: 9_000 });
  assert.match(text, /would lapse between two ticks/);
  assert.match(text, /cannot pin/);
});

test('what the worker’s own platform does not allow is refused, whatever the starter’s configuration said', async () => {
  const stage = calm();
  stage.refusedByPlatform = (plan) => [`soak of ${plan.target.service} is 1s, and at least 5m is expected`];
  assert.match(await reasons(stage), /is 1s, and at least 5m is expected/);
});

test('a rehearsal in production is refused, whoever started it', async () => {
  assert.match(await reasons(calm(), { rehearsal: true, production: true, profile: 'rehearsal' }), /rehearsal/);
});

test('units of stable that cannot be told refuse: the floor would be unknown (I8)', async () => {
  const stage = calm();
  stage.capacity.onUnits = transient('timeout');
  assert.match(await reasons(stage, { connections: { ...PLAN.connections, capacity: 'autoscaler' } }), /capacity "autoscaler"/);
});

const QUEUED = { connections: { ...PLAN.connections, queues: 'jobs' } };

test('ramps begin above what the guards were told, also at a router that has forgotten its epochs', async () => {
  const stage = calm();
  stage.queues.stored = 9;
  assert.equal((await ground(stage, QUEUED)).epoch, 9);
  stage.queues.stored = 3;
  assert.equal((await ground(stage, QUEUED)).epoch, 4);
});

test('queues that cannot be told anything are found before anything moves', async () => {
  const stage = calm();
  stage.queues.stored = permanent('PostgreSQL has no table');
  assert.match(await reasons(stage, QUEUED), /^queues "jobs" cannot be told anything: PostgreSQL has no table$/);
});

test('the schema pins that the revisions tell are kept for the guards, where they tell all three', async () => {
  const stage = calm();
  const pins = { schemaRev: 7, indexHash: 'i', modelTag: 'm' };
  stage.onFetch = (url) => {
    const who = url.hostname.replace('.test', '');
    if (url.pathname !== '/.well-known/release') return stage.answer(200, {}, who);
    return stage.answer(200, { schemaPins: who === STABLE.id ? pins : { ...pins, modelTag: undefined } }, who);
  };
  const { stablePins, candidatePins } = await ground(stage);
  assert.deepEqual([stablePins, candidatePins], [pins, undefined]);
});
