/** What is around a rollout is ill for a while: it never climbs on that, and goes on by itself once all is well again. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { MetricFault } from '../harness/broken-metrics.js';
import { hasFailed, Load } from '../harness/load.js';
import type { Fault } from '../harness/socket-recorder.js';
import { until } from '../harness/until.js';
import { Plant, SERVICE } from './plant.js';

let plant: Plant;
before(async () => {
  plant = await Plant.start({ soakMs: 3_000 });
});
after(async () => {
  await plant.stop();
});
afterEach(async () => {
  plant.metrics.mend();
  await plant.judge();
});

const users = (): Load =>
  new Load({ url: plant.stage.haproxy.url, requestsPerSecond: 300, concurrency: 16, atMost: { requests: 100_000, ms: 300_000 } });

const failed = (load: Load) => load.records.filter(hasFailed);

/** The candidate's weight in basis points, as HAProxy itself says; undefined without a route. */
async function weight(): Promise<number | undefined> {
  const [, bp] = /^(?:blue|green):(\d+):/.exec((await plant.stage.haproxy.route()).route) ?? [];
  return bp === undefined ? undefined : Number(bp);
}

const reaches = (bp: number): Promise<unknown> =>
  until(async () => (await weight()) === bp, { withinMs: 90_000, everyMs: 100, what: `a weight of ${String(bp)}` });

async function isBlind(): Promise<boolean> {
  const { stdout } = await plant.sluice(['status', SERVICE, '--env', 'test', '-o', 'json']);
  const { status } = JSON.parse(stdout) as { readonly status: { readonly blockers: readonly { readonly kind: string }[] } };
  return status.blockers.some(({ kind }) => kind === 'blind');
}

async function candidateSlot(): Promise<'blue' | 'green'> {
  return (await plant.stage.haproxy.route()).stable === 'green' ? 'blue' : 'green';
}

const SICK = 'stale: 5s\nlimits: {blind: 5m}';

/** One that hangs is not asked every second, and one that is not believed any more not at all. */
const READINGS: Readonly<Partial<Record<MetricFault, number>>> = { hangs: 2, backwards: 4 };

/** From the moment at which users come to this weight until the rollout is blind for it; longer than the step would have soaked. */
async function breakAt(bp: number, fault: MetricFault): Promise<void> {
  await reaches(bp);
  plant.metrics.break(fault);
  await until(isBlind, { withinMs: 90_000, everyMs: 250, what: `${fault} to make the rollout blind` });
  const readings = READINGS[fault] ?? 8;
  await until(() => plant.metrics.asked >= readings, { withinMs: 60_000, what: `${String(readings)} readings of ${fault}` });
  assert.equal(await weight(), bp, `${fault} moves nobody`);
  plant.metrics.mend();
}

test('metrics that refuse, hang, or are no numbers hold a step as blind; when they are well again it goes on and is promoted', async () => {
  const load = users();
  const started = await plant.sluice(['start', plant.rolloutFile(await candidateSlot(), SICK), '--again']);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  await breakAt(100, 'refuses');
  await breakAt(500, 'hangs');
  await breakAt(2_500, 'not-a-number');
  const ended = await plant.sluice(['watch', SERVICE, '--env', 'test'], 300_000);
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  await load.stop();
  assert.deepEqual(failed(load), []);
});

test('metrics that are empty or old hold a step as blind, and counters that fell are not believed again in that step', async () => {
  const load = users();
  const started = await plant.sluice(['start', plant.rolloutFile(await candidateSlot(), SICK), '--again']);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  await breakAt(100, 'empty');
  await breakAt(500, 'old');
  await breakAt(2_500, 'backwards');
  const heard = plant.stage.log.lines.length;
  await until(() => plant.stage.log.lines.length > heard + 2_000, {
    withinMs: 60_000,
    what: 'requests after the page is well again',
  });
  assert.equal(await isBlind(), true, 'it waits for a human or for its limit');
  assert.equal(await weight(), 2_500);
  const aborted = await plant.sluice(['abort', SERVICE, '--env', 'test']);
  assert.equal(aborted.code, 0, aborted.stdout + aborted.stderr);
  await load.stop();
  assert.deepEqual(failed(load), []);
});

test('a router that is late, says no to what it has done, or does it without a word, and a notifier that is down, cost nothing', async () => {
  const load = users();
  const bySteps: Readonly<Record<string, Fault>> = {
    ':500:': { kind: 'delay', until: 1_000 },
    ':2500:': { kind: 'answer-error', text: 'out of order\n' },
    ':5000:': { kind: 'never-answer' },
  };
  const broken = new Set<string>();
  const restore = plant.stage.admin.inject((command) => {
    if (command.kind !== 'map-write' || command.map !== 'routes') return undefined;
    const step = Object.keys(bySteps).find((weight) => command.entries.some(({ value }) => value.includes(weight)));
    if (step === undefined || broken.has(step)) return undefined;
    broken.add(step);
    return bySteps[step];
  });
  const ended = await plant.sluice(['start', plant.rolloutFile(await candidateSlot(), 'notify: deaf'), '--again', '--watch']);
  restore();
  await load.stop();
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  assert.deepEqual([...broken].sort(), Object.keys(bySteps).sort());
  assert.deepEqual(failed(load), []);
  const timeline = await plant.sluice(['timeline', SERVICE, '--env', 'test']);
  assert.match(timeline.stdout, /deaf/, 'people can see that nobody was told');
});
