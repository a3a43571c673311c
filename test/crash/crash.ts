/** One rollout through everything real, with a death in it, and the referee's word on what followed. */
import { execFileSync } from 'node:child_process';
import { Client, Connection } from '@temporalio/client';
import { setTimeout as pause } from 'node:timers/promises';
import { Load } from '../harness/load.js';
import { until } from '../harness/until.js';
import { Plant, ROLLOUT } from '../integration/plant.js';
import { reportedResult } from '../referee/reported.js';
import { CRASH_PLANT, type CrashCase } from './cases.js';
import { describe, eventsOf, killPoints, nameOf, reach, type KillPoint } from './points.js';

export type Victim = 'worker' | 'temporal' | 'proxy';
/** At a point of the history, or so long after the start. */
export type Moment = { readonly kind: 'point'; readonly point: KillPoint } | { readonly kind: 'after'; readonly ms: number };

/** What happens when nothing dies. */
export interface Baseline {
  readonly points: readonly KillPoint[];
  readonly tookMs: number;
}

export interface CrashResult {
  readonly case: string;
  readonly victim: Victim;
  readonly moment: string;
  /** The newest event of the history at the death; undefined where the rollout never came to the moment. */
  readonly lastEvent: string | undefined;
  readonly outcome: string | undefined;
  readonly expected: string;
  /** What the referee, or the outcome, had against it. Empty: survived. */
  readonly findings: readonly string[];
  readonly tookMs: number;
  /** Of the source that ran. */
  readonly commit: string;
}

/** Of what runs, where it is a checkout. */
const COMMIT = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();

export const momentName = (moment: Moment): string =>
  moment.kind === 'point' ? nameOf(moment.point) : `after ${String(moment.ms)} ms`;

export async function baseline(kase: CrashCase): Promise<Baseline> {
  return withRollout(kase, 'worker', async ({ client, begun }) => {
    await closed(client);
    return { points: killPoints(await eventsOf(client)), tookMs: performance.now() - begun };
  });
}

export async function crash(kase: CrashCase, victim: Victim, moment: Moment): Promise<CrashResult> {
  return withRollout(kase, victim, async ({ plant, client, load, begun }) => {
    const lastEvent = await comeTo(client, moment);
    if (lastEvent !== undefined) await kill(plant, victim);
    await closed(client);
    const reported = reportedResult(await plant.temporal.showChain(ROLLOUT));
    const outcome = reported?.outcome;
    const wrong =
      outcome === kase.outcome
        ? []
        : [`ended as ${String(outcome)} (${reported?.headline ?? 'no headline'}), expected ${kase.outcome}`];
    // At rest, or the counts of services and log are of different moments.
    await load.stop();
    const findings = [...wrong, ...(await objections(plant))];
    return {
      case: kase.name,
      victim,
      moment: momentName(moment),
      lastEvent,
      outcome,
      expected: kase.outcome,
      findings,
      tookMs: Math.round(performance.now() - begun),
      commit: COMMIT,
    };
  });
}

interface Running {
  readonly plant: Plant;
  readonly client: Client;
  readonly load: Load;
  readonly begun: number;
}

async function withRollout<T>(kase: CrashCase, victim: Victim, use: (running: Running) => Promise<T>): Promise<T> {
  const plant = await Plant.start({ ...CRASH_PLANT, durable: victim === 'temporal' });
  const connection = await Connection.connect({ address: plant.temporal.address });
  const load = new Load({
    url: plant.stage.haproxy.url,
    requestsPerSecond: 300,
    concurrency: 16,
    atMost: { requests: 200_000, ms: 600_000 },
  });
  try {
    await kase.prepare(plant);
    const started = await plant.sluice(['start', plant.rolloutFile('green', kase.more)]);
    if (started.code !== 0) throw new Error(`not started: ${started.stdout}${started.stderr}`);
    return await use({ plant, client: new Client({ connection }), load, begun: performance.now() });
  } finally {
    await load.stop();
    await connection.close();
    await plant.stop();
  }
}

async function comeTo(client: Client, moment: Moment): Promise<string | undefined> {
  if (moment.kind === 'point') return reach(client, moment.point);
  await pause(moment.ms);
  return describe(await eventsOf(client));
}

async function kill(plant: Plant, victim: Victim): Promise<void> {
  switch (victim) {
    case 'worker':
      await plant.killWorker();
      return plant.startWorker();
    case 'temporal':
      return plant.killTemporal();
    case 'proxy':
      return plant.killProxy();
  }
}

const closed = (client: Client): Promise<unknown> =>
  until(async () => (await client.workflow.getHandle(ROLLOUT).describe()).status.name !== 'RUNNING', {
    withinMs: 300_000,
    everyMs: 100,
    what: 'the end of the rollout',
  });

async function objections(plant: Plant): Promise<readonly string[]> {
  try {
    await plant.judge();
    return [];
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('\n').filter((line) => line.trim() !== '');
  }
}
