/** Rollouts that somebody terminates or resets past us, with Temporal's own tool: what they leave on the router is cleared up. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { hasFailed, Load, type LoadRecord } from '../harness/load.js';
import { until } from '../harness/until.js';
import { Plant, ROLLOUT, SERVICE } from './plant.js';

const JANITOR = 'sluice-janitor';

let plant: Plant;
let load: Load;
beforeEach(async () => {
  plant = await Plant.start();
  load = new Load({ url: plant.stage.haproxy.url, requestsPerSecond: 100, atMost: { requests: 60_000, ms: 600_000 } });
});
afterEach(async () => {
  const records = await load.stop();
  await plant.stop();
  assert.deepEqual(records.filter(hasFailed), []);
});

const onCandidate = ({ slot, why }: LoadRecord): boolean => slot === 'green' && why !== 'pin';
const isRevoked = async (): Promise<boolean> => (await plant.stage.haproxy.route()).revoked !== 'no';
const rampOf = (route: string): string | undefined => /:([^:]+)\.\d+$/.exec(route)?.[1];

async function temporal(...words: readonly string[]): Promise<void> {
  const { code, stderr } = await plant.temporal.run(words);
  assert.equal(code, 0, `temporal ${words.join(' ')}: ${stderr}`);
}

/** Half of the users on the candidate. Gives the ramp. */
async function soakAtHalf(): Promise<string | undefined> {
  await until(
    async () =>
      /^green:5000:/.test((await plant.stage.haproxy.route()).route) && load.records.slice(-100).filter(onCandidate).length > 25,
    { withinMs: 120_000, what: 'half of the users on the candidate' },
  );
  return rampOf((await plant.stage.haproxy.route()).route);
}

async function begin(): Promise<string | undefined> {
  const started = await plant.sluice(['start', plant.rolloutFile('green', 'steps: [{weight: 50, soak: 10m}, 100]')]);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  return soakAtHalf();
}

const everybodyBack = (): Promise<unknown> => {
  const then = load.records.length;
  return until(() => load.records.length > then + 200 && !load.records.slice(-200).some(onCandidate), {
    withinMs: 60_000,
    what: 'everybody on stable',
  });
};

test('terminated in a soak, the janitor revokes the ramp that is left', async () => {
  await begin();
  await temporal('workflow', 'terminate', '--workflow-id', ROLLOUT, '--reason', 'somebody did not read the manual');
  assert.equal(await isRevoked(), false);
  // It comes once a minute; nobody has to wait for that here.
  await until(
    async () => {
      await temporal('schedule', 'trigger', '--schedule-id', JANITOR);
      return isRevoked();
    },
    { withinMs: 90_000, everyMs: 2_000, what: 'the janitor' },
  );
  await everybodyBack();
});

test('terminated in a soak, and without a janitor, the next start revokes the ramp, says so, and is promoted', async () => {
  await temporal('schedule', 'toggle', '--schedule-id', JANITOR, '--pause', '--reason', 'test');
  const orphan = await begin();
  await temporal('workflow', 'terminate', '--workflow-id', ROLLOUT, '--reason', 'somebody did not read the manual');
  await everybodyBack();
  assert.equal(await isRevoked(), false, 'the lease alone brought them back');
  const next = await plant.sluice(['start', plant.rolloutFile('green', 'steps: [50, 100]\nsoak: 3s'), '--watch'], 180_000);
  assert.equal(next.code, 0, next.stdout + next.stderr);
  const { stdout } = await plant.sluice(['timeline', SERVICE, '--env', 'test']);
  assert.ok(orphan !== undefined && stdout.includes(`ramp ${orphan} of an earlier run was still open: revoked`), stdout);
});

test('reset to before an abort, a rollout meets its ramp revoked, takes that for a lapse, and climbs again on a new one', async () => {
  const first = await begin();
  const { events } = await plant.temporal.showHistory(ROLLOUT);
  const soaking = events.findLast(({ type }) => type === 'WORKFLOW_TASK_COMPLETED');
  const aborted = await plant.sluice(['abort', SERVICE, '--env', 'test', '--reason', 'a mistake']);
  assert.equal(aborted.code, 0, aborted.stdout + aborted.stderr);
  await everybodyBack();
  const reset = [
    'workflow',
    'reset',
    '--workflow-id',
    ROLLOUT,
    '--event-id',
    String(soaking?.id),
    '--reason',
    'it was a mistake',
  ];
  await temporal(...reset, '--reapply-exclude', 'All');
  const second = await soakAtHalf();
  assert.notEqual(second, first);
  const { stdout } = await plant.sluice(['timeline', SERVICE, '--env', 'test']);
  assert.match(stdout, /the router stopped serving the ramp/);
  assert.doesNotMatch(stdout, /a mistake/);
  const again = await plant.sluice(['abort', SERVICE, '--env', 'test', '--reason', 'meant']);
  assert.equal(again.code, 0, again.stdout + again.stderr);
  await everybodyBack();
});
