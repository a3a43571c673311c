/**
 * How long an abort takes, from sending it to the last user whom HAProxy sent to the candidate (the `at` of its access log,
 * when the request was routed), each on a fresh rollout that soaks at 50 %. Beside it HAProxy's acknowledgement of the
 * revocation: it bounds the same moment from above, however far apart requests are. All clocks are this machine's.
 *
 * Run: node --import tsx bench/abort.ts [--single 100] [--burst 200] [--together 20] [--rate 300] [--burst-rate 400]
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { hasFailed, type Load } from '../test/harness/load.js';
import { typescriptProgram } from '../test/harness/node-program.js';
import { startProcess, type ManagedProcess } from '../test/harness/processes.js';
import { printBound, printLoad, printTimes, readArguments, type Bound } from './figures.js';
import { onCandidate, revokedAt } from './route-truth.js';
import { ownMetrics, Site } from './support.js';

const wanted = readArguments({ single: 100, burst: 200, together: 20, rate: 300, 'burst-rate': 400 });

const SINGLE: readonly Bound[] = [
  { quantile: 0.5, atMostMs: 50 },
  { quantile: 0.99, atMostMs: 150 },
];
const BURST: readonly Bound[] = [{ quantile: 0.99, atMostMs: 500 }];

const HALF_BP = 5_000;
const PLAN = { steps: [50, 100], soak: '30m', warmUp: { hold: '0s' }, drain: { min: '0s' } };
const SOAKING_MS = 60_000;
const ENDING_MS = 60_000;
/** Nobody else asks the server or the worker anything while an abort is under way. */
const QUIET_MS = 1_000;
/** A line of the access log is written when its answer is whole, and has a socket to cross. */
const LOG_LAG_MS = 300;
/** The load's own bound, so that a bench that hangs does not go on for ever. */
const LONGEST_ROUND_MS = 30_000;

interface Abort {
  /** From sending to the last request that was routed to the candidate; 0 where none came after sending. */
  readonly lastUserMs: number;
  /** From sending to HAProxy's word that the ramp is revoked; Infinity if it never said so. */
  readonly revokedMs: number;
  /** What went wrong; undefined where everybody is back and the rollout says so. */
  readonly lost: string | undefined;
}

const FLOOR_QUEUE = 'bench-floor';

printLoad('start');
if (wanted.single > 0) {
  const site = await Site.start({ services: ['s1'], metrics: ({ exporter }) => ({ log: { type: 'scrape', urls: [exporter] } }) });
  try {
    await singles(site);
  } finally {
    await site.stop();
  }
}
if (wanted.burst > 0) {
  const services = Array.from({ length: wanted.together }, (_, k) => `s${String(k + 1)}`);
  // The services' own metrics: every scrape of the exporter brings all of its services, 20 times 20 of them a second.
  const site = await Site.start({ services, metrics: ({ blue, green }) => ({ own: ownMetrics([blue, green]) }) });
  try {
    await bursts(site);
  } finally {
    await site.stop();
  }
}
printLoad('end');

async function singles(site: Site): Promise<void> {
  const floorWorker = await startFloorWorker(site);
  const aborts: Abort[] = [];
  const floors: Record<'local' | 'plain', number[]> = { local: [], plain: [] };
  const users = site.users(wanted.rate, wanted.single * LONGEST_ROUND_MS, ['s1']);
  const begun = performance.now();
  for (let n = 0; n < wanted.single; n++) {
    const floor = { local: await startFloor(site, 'local'), plain: await startFloor(site, 'plain') };
    await soakAll(site, ['s1']);
    floors.local.push(await floor.local());
    floors.plain.push(await floor.plain());
    aborts.push(...(await abortAll(site, ['s1'])));
  }
  await users.stop();
  await floorWorker.stop();
  console.log(`\none abort at a time, ${rateOf(users, begun)}`);
  print(aborts, SINGLE);
  printTimes('floor: signal → local activity of a bare workflow', floors.local);
  printTimes('floor: signal → plain activity of a bare workflow', floors.plain);
}

async function bursts(site: Site): Promise<void> {
  const floorWorker = await startFloorWorker(site);
  const aborts: Abort[] = [];
  const floors: number[] = [];
  const { services } = site.options;
  const rounds = Math.ceil(wanted.burst / services.length);
  const users = site.users(wanted['burst-rate'], rounds * LONGEST_ROUND_MS);
  const begun = performance.now();
  for (let round = 0; round < rounds; round++) {
    const bare = await Promise.all(services.map(() => startFloor(site, 'local')));
    await soakAll(site, services);
    floors.push(...(await Promise.all(bare.map((floor) => floor()))));
    aborts.push(...(await abortAll(site, services)));
  }
  await users.stop();
  await floorWorker.stop();
  console.log(`\n${String(services.length)} aborts at the same instant, ${rateOf(users, begun)}`);
  print(aborts, BURST);
  printTimes(`floor: ${String(services.length)} signals at the same instant → local activity of a bare workflow`, floors);
}

/** Fresh rollouts, all with users on the candidate; then some part of a tick, so that aborts meet every moment of it. */
async function soakAll(site: Site, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => site.begin(name, PLAN)));
  // One after the other: twenty pollers would be a load of their own.
  for (const name of names) await site.untilSoaking(name, HALF_BP, SOAKING_MS);
  await pause(500 + Math.random() * 1_000);
}

async function abortAll(site: Site, names: readonly string[]): Promise<readonly Abort[]> {
  const before = site.log.lines.length;
  const sent = names.map((name) => site.abort(name));
  await Promise.allSettled(sent.map(({ acknowledged }) => acknowledged));
  await pause(QUIET_MS);
  const endings = await Promise.all(names.map((name) => site.ending(name, ENDING_MS)));
  await pause(LOG_LAG_MS);
  const lines = site.log.lines.slice(before);
  const commands = site.admin.commands();
  return Promise.all(
    names.map(async (name, k): Promise<Abort> => {
      const { sentAt } = sent[k]!;
      const { kind, text } = endings[k]!;
      const atZero = await site.isAtZero(name);
      return {
        lastUserMs: Math.max(0, ...onCandidate(lines, name).map(({ at }) => at - sentAt)),
        revokedMs: (revokedAt(commands, name) ?? Infinity) - sentAt,
        lost:
          kind === 'rolled-back' && atZero ? undefined : `${name}: ${kind}, ${text}${atZero ? '' : '; the route is not at 0'}`,
      };
    }),
  );
}

function print(aborts: readonly Abort[], bounds: readonly Bound[]): void {
  const lost = aborts.flatMap((abort) => abort.lost ?? []);
  printTimes(
    'sent → last request routed to the candidate (access log)',
    aborts.map(({ lastUserMs }) => lastUserMs),
    bounds,
  );
  printTimes(
    'sent → HAProxy has acknowledged the revocation (recorder)',
    aborts.map(({ revokedMs }) => revokedMs),
    bounds,
  );
  printBound(`none of ${String(aborts.length)} lost`, `${String(lost.length)} lost`, lost.length === 0);
  for (const text of lost.slice(0, 10)) console.log(`    ${text}`);
}

function rateOf({ records }: Load, begun: number): string {
  const failed = records.filter(hasFailed).length;
  const perSecond = records.length / ((performance.now() - begun) / 1_000);
  return `${perSecond.toFixed(0)} requests/s, ${String(failed)} of ${String(records.length)} failed`;
}

function startFloorWorker(site: Site): Promise<ManagedProcess> {
  const program = typescriptProgram(new URL('./floor-worker.ts', import.meta.url), [site.temporal.address, FLOOR_QUEUE]);
  return startProcess(
    { name: 'floor worker', file: process.execPath, arguments: program },
    { isReady: ({ stdout }) => stdout.includes('ready'), withinMs: 60_000 },
  );
}

/** A bare workflow that waits; what is returned sends the signal and says how long the activity's start took. */
async function startFloor(site: Site, kind: 'local' | 'plain'): Promise<() => Promise<number>> {
  const handle = await site.client.temporal.client.workflow.start('floor', {
    workflowId: `floor-${randomUUID()}`,
    taskQueue: FLOOR_QUEUE,
    args: [kind],
    workflowExecutionTimeout: '2m',
  });
  return async () => {
    const sentAt = Date.now();
    await handle.signal('go');
    return ((await handle.result()) as number) - sentAt;
  };
}
