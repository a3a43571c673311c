/** A sample of the crash suite (`npm run test:crash`), and what people sent into a fault. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../harness/until.js';
import { Plant, SERVICE } from '../integration/plant.js';
import { CASES, CRASH_PLANT } from './cases.js';
import { crash, type Moment, type Victim } from './crash.js';
import type { KillPoint } from './points.js';
import { tableOf } from './table.js';

const caseOf = (name: string) => CASES.find((kase) => kase.name === name) ?? assert.fail(name);
const at = (on: KillPoint['on'], activity: string, nth: number): Moment => ({ kind: 'point', point: { on, activity, nth } });

const SAMPLE: readonly (readonly [kase: string, victim: Victim, moment: Moment])[] = [
  ['rolled-back-at-25', 'worker', at('activity-started', 'superviseRamp', 3)],
  ['promoted', 'temporal', at('activity-completed', 'shiftWeight', 3)],
  ['promoted', 'proxy', at('workflow-task-completed', '', 12)],
];

for (const [name, victim, moment] of SAMPLE) {
  const kase = caseOf(name);
  test(`with ${victim === 'temporal' ? 'Temporal' : `the ${victim}`} killed in the middle, "${name}" still ends as ${kase.outcome}`, async () => {
    const result = await crash(kase, victim, moment);
    assert.notEqual(result.lastEvent, undefined, 'the rollout came to the moment');
    assert.deepEqual(result.findings, []);
  });
}

test('an abort that was sent while no worker lived is applied once by the one that returns', async () => {
  const plant = await Plant.start(CRASH_PLANT);
  try {
    const started = await plant.sluice(['start', plant.rolloutFile('green', 'soak: 60s')]);
    assert.equal(started.code, 0, started.stdout + started.stderr);
    const isSoaking = async (): Promise<boolean> =>
      (await plant.sluice(['status', SERVICE, '--env', 'test', '-o', 'json'])).stdout.includes('"soaking"');
    await until(isSoaking, { withinMs: 60_000, what: 'a soak' });
    await plant.killWorker();
    const aborted = await plant.sluice(['abort', SERVICE, '--env', 'test', '--by', 'ann', '--reason', 'nobody there']);
    assert.equal(aborted.code, 5, aborted.stdout + aborted.stderr);
    assert.match(aborted.stdout + aborted.stderr, /recorded/);
    await plant.startWorker();
    await plant.judge();
    const timeline = await plant.sluice(['timeline', SERVICE, '--env', 'test']);
    assert.equal(timeline.stdout.match(/rollback: aborted by ann: nobody there/g)?.length, 1, timeline.stdout);
  } finally {
    await plant.stop();
  }
});

test('the table counts each run once, by what was killed and when', () => {
  const result = {
    case: 'promoted',
    victim: 'worker',
    moment: 'after 5 ms',
    outcome: 'promoted',
    expected: 'promoted',
    tookMs: 1,
    commit: 'abc1234',
  } as const;
  const table = tableOf([
    { ...result, lastEvent: '7 timerStarted', findings: [] },
    { ...result, lastEvent: '9 timerStarted', findings: ['I2: …'] },
    { ...result, lastEvent: undefined, findings: [] },
  ]);
  assert.match(table, /\| promoted \| worker \| at random moments \| 2 \| 1 \| 1 \|/);
});
