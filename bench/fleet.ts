/**
 * Many rollouts at the same time on one worker, one dev server and one HAProxy: generated services over two shared back
 * ends, real supervision and real scrapes of the back ends' own metrics, users of every service. All must end right, and an
 * abort among them must take less than a second. First, alone, two rollouts whose histories are counted: `rehearsal` as it
 * is, and `standard` with every time shortened 60 times, because only the number of buckets decides how many events it has.
 *
 * Run: node --import tsx bench/fleet.ts [--rollouts 300] [--aborts 10] [--rate 400] [--histories 1] [--soak-seconds 30]
 *   [--tick-seconds 5]
 *   [--workers 2 --kill-after-seconds 120]   kills the last worker process that long after the last start; 0: never
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { hasFailed } from '../test/harness/load.js';
import { until } from '../test/harness/until.js';
import { printBound, printLoad, printTimes, quantile, readArguments } from './figures.js';
import { revokedAt } from './route-truth.js';
import { ownMetrics, Site, type Ending } from './support.js';

const wanted = readArguments({
  rollouts: 300,
  aborts: 10,
  rate: 400,
  histories: 1,
  'soak-seconds': 30,
  'tick-seconds': 5,
  workers: 1,
  'kill-after-seconds': 0,
});

/**
 * At a tick of 1 s the server takes more than half of the machine for 300 heartbeats a second (design.md §5). With soaks of one
 * tick all 300 would change their weight every few seconds, which is another load than 300 rollouts that soak.
 */
const FLEET = {
  tick: `${String(wanted['tick-seconds'])}s`,
  // Outlives the take-over of a worker that dies (2 ticks and 10 s), with as much to spare as 30 s have at a tick of 5 s.
  lease: `${String(4 * wanted['tick-seconds'] + 10)}s`,
  soak: `${String(wanted['soak-seconds'])}s`,
  soakMax: '10m',
  // As many ticks as a rehearsal's 20 s have at its own tick of 1 s.
  limits: { blind: `${String(20 * wanted['tick-seconds'])}s` },
  // A step is judged at least once.
  bake: `${String(Math.max(5, wanted['tick-seconds']))}s`,
  warmUp: { hold: '1s' },
};
/** `standard` with soaks of 2 buckets and a bake of 6, as 10 and 30 minutes have at 5 minutes a bucket. */
const STANDARD_IN_SHORT = { soak: '10s', bake: '30s', bucket: '5s', tick: '1s', minimumRequests: 50 };
/** Until the first users are on the candidate of a rollout, which waits for its turn at warm-up and probes. */
const USERS_MS = 60_000 + 600 * wanted.rollouts;
const ENDING_MS = 900_000 + 1_000 * wanted.rollouts;
const ABORT_BOUND_MS = 1_000;
const REHEARSAL_BOUND_EVENTS = 220;
const STARTS_AT_A_TIME = 20;
const CLOCK_TICKS_PER_SECOND = 100;

/** What a process has used so far, by /proc. */
function usage(pid: number): { readonly cpuSeconds: number; readonly rssMb: number } {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const pages = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1];
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND, rssMb: Number(pages) / 1_024 };
}

/** Peak memory and CPU of the processes from its making to `read`. */
class Meter {
  readonly #begun = performance.now();
  readonly #before: ReadonlyMap<string, ReturnType<typeof usage>>;
  readonly #peakMb = new Map<string, number>();
  readonly #gone = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(readonly processes: Readonly<Record<string, number>>) {
    this.#before = new Map(Object.entries(processes).map(([name, pid]) => [name, usage(pid)]));
    this.#timer = setInterval(() => {
      for (const [name, pid] of Object.entries(processes).filter(([known]) => !this.#gone.has(known)))
        this.#peakMb.set(name, Math.max(this.#peakMb.get(name) ?? 0, usage(pid).rssMb));
    }, 1_000);
  }

  /** A process that is about to end is not read any more. */
  forget(name: string): void {
    this.#gone.add(name);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  read(): readonly { readonly name: string; readonly cores: number; readonly beforeMb: number; readonly peakMb: number }[] {
    const seconds = (performance.now() - this.#begun) / 1_000;
    const living = [...this.#before].filter(([name]) => !this.#gone.has(name));
    return living.map(([name, before]) => {
      const now = usage(this.processes[name]!);
      const cores = (now.cpuSeconds - before.cpuSeconds) / seconds;
      return { name, cores, beforeMb: before.rssMb, peakMb: Math.max(now.rssMb, this.#peakMb.get(name) ?? 0) };
    });
  }
}

const fleet = Array.from({ length: wanted.rollouts }, (_, k) => `s${String(k + 1)}`);
const [rehearsed, shortened] = ['rehearsed', 'shortened'] as const;

printLoad('start');
const site = await Site.start({
  services: [rehearsed, shortened, ...fleet],
  workers: wanted.workers,
  metrics: ({ blue, green }) => ({ own: ownMetrics([blue, green]) }),
  // Twice as many servers as services, but two processes: checked twice a second each, they would do little else.
  haproxy: (configuration) => configuration.replace('check inter 500ms', 'check inter 10s'),
});
try {
  if (wanted.histories > 0) await countEvents();
  await runFleet();
} finally {
  await site.stop();
}
printLoad('end');

async function countEvents(): Promise<void> {
  const users = site.users(wanted.rate, ENDING_MS, [rehearsed, shortened]);
  await Promise.all([site.begin(rehearsed, {}), site.begin(shortened, STANDARD_IN_SHORT)]);
  const endings = await Promise.all([rehearsed, shortened].map((name) => site.ending(name, 300_000)));
  await users.stop();
  const [rehearsal = NaN, standard = NaN] = await Promise.all([rehearsed, shortened].map((name) => site.events(name)));
  console.log(`\nevents of the five steps: rehearsal ${String(rehearsal)} (${endings[0]?.kind ?? ''})`);
  printBound(`≤ ${String(REHEARSAL_BOUND_EVENTS)}`, String(rehearsal), rehearsal <= REHEARSAL_BOUND_EVENTS);
  console.log(`  standard, its times shortened 60 times: ${String(standard)} (${endings[1]?.kind ?? ''})`);
  const [few = NaN, more = NaN] = await Promise.all([rehearsed, shortened].map((name) => site.actions(name)));
  console.log(
    `billable actions in those histories, heartbeats not among them: rehearsal ${String(few)}, standard ${String(more)}`,
  );
}

async function runFleet(): Promise<void> {
  const users = site.users(wanted.rate, ENDING_MS, fleet);
  const haproxy = site.haproxy.workerPids()[0] ?? site.haproxy.masterPid;
  const workers = Object.fromEntries(site.workers.map((worker, k) => [`worker ${String(k + 1)}`, worker.process.pid]));
  const meter = new Meter({ bench: process.pid, ...workers, 'temporal server': site.temporal.pid, haproxy });
  try {
    const begun = performance.now();
    await startAll();
    const startedS = secondsSince(begun);
    const killing = killOne(meter);
    const aborted = await abortSome();
    const endings = await Promise.all(fleet.map(async (name) => ({ name, ...(await site.ending(name, ENDING_MS)) })));
    const durationS = secondsSince(begun);
    await killing;
    const usages = meter.read();
    const requests = await users.stop();
    const failed = requests.filter(hasFailed).length;
    console.log(
      `\n${String(fleet.length)} rollouts: started in ${startedS.toFixed(1)} s, all ended after ${durationS.toFixed(0)} s`,
    );
    console.log(
      `  ${String(aborted.open)} open when the aborts began; ${String(failed)} of ${String(requests.length)} requests failed`,
    );
    await printEndings(endings, aborted);
    for (const worker of site.workers.filter(({ process }) => process.exit === undefined))
      console.log(
        `workflow tasks, scheduled → begun: mean ${await meanTaskWait(worker.metricsUrl)} ms by one worker's own count`,
      );
    for (const { name, cores, beforeMb, peakMb } of usages) {
      const each = ((peakMb - beforeMb) / fleet.length).toFixed(2);
      const cpu = `CPU ${(100 * cores).toFixed(0)} % of one core, ${((100 * cores) / cpus().length).toFixed(0)} % of the machine`;
      console.log(`${name}: ${beforeMb.toFixed(0)} MB before, ${peakMb.toFixed(0)} MB at most (${each} MB a rollout), ${cpu}`);
    }
  } finally {
    meter.stop();
    await users.stop();
  }
}

async function startAll(): Promise<void> {
  const left = [...fleet];
  const starter = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) await site.begin(name, FLEET);
  };
  await Promise.all(Array.from({ length: STARTS_AT_A_TIME }, starter));
}

/** As a machine that goes away: what it ran is tried again elsewhere. */
async function killOne(meter: Meter): Promise<void> {
  const victim = site.workers.at(-1);
  if (wanted['kill-after-seconds'] === 0 || victim === undefined || site.workers.length < 2) return;
  await pause(wanted['kill-after-seconds'] * 1_000);
  const open = (await site.client.list({ limit: 10_000 })).length;
  meter.forget(`worker ${String(site.workers.length)}`);
  await victim.process.kill();
  console.log(`\nkilled worker ${String(site.workers.length)} while ${String(open)} rollouts were open`);
}

async function meanTaskWait(metricsUrl: string): Promise<string> {
  const text = await (await fetch(metricsUrl)).text();
  const total = (end: string): number =>
    [...text.matchAll(new RegExp(`^temporal_workflow_task_schedule_to_start_latency_seconds_${end}\\{[^}]*\\} (\\S+)$`, 'gm'))]
      .map(([, value]) => Number(value))
      .reduce((sum, value) => sum + value, 0);
  return ((1_000 * total('sum')) / total('count')).toFixed(0);
}

interface Aborts {
  /** From sending to HAProxy's word that the ramp is revoked, by service. */
  readonly times: ReadonlyMap<string, number>;
  /** Rollouts open at the first. */
  readonly open: number;
}

/** Evenly over the fleet and one after the other, each while users are on its candidate. */
async function abortSome(): Promise<Aborts> {
  const stride = Math.max(1, Math.floor(fleet.length / Math.max(1, wanted.aborts)));
  const times = new Map<string, number>();
  let open = 0;
  for (const name of fleet.filter((_, k) => k % stride === 0).slice(0, wanted.aborts)) {
    const hasUsers = async (): Promise<boolean> => /^green:[1-9]/.test((await site.haproxy.route(name)).route);
    try {
      await until(hasUsers, { withinMs: USERS_MS, everyMs: 250, what: `users on the candidate of ${name}` });
    } catch {
      console.log(`${name} had no users on its candidate within ${String(USERS_MS / 1_000)} s; by phase: ${await byPhase()}`);
      break;
    }
    if (times.size === 0) open = (await site.client.list({ limit: 10_000 })).length;
    const { sentAt, acknowledged } = site.abort(name);
    await acknowledged;
    const revocation = { withinMs: 60_000, everyMs: 100, what: `the revocation of ${name}` };
    times.set(name, (await until(() => revokedAt(site.admin.commands(), name), revocation).catch(() => Infinity)) - sentAt);
    await pause(Math.random() * 1_000);
  }
  return { times, open };
}

/** How many rollouts stand where, as Temporal's index has them. */
async function byPhase(): Promise<string> {
  const counts = new Map<string, number>();
  for (const { phase = 'unknown', outcome } of await site.client.list({ all: true, limit: 10_000 })) {
    const where = outcome ?? phase;
    counts.set(where, (counts.get(where) ?? 0) + 1);
  }
  return [...counts].map(([where, count]) => `${where} ${String(count)}`).join(', ');
}

type Named = Ending & { readonly name: string };

async function printEndings(endings: readonly Named[], { times }: Aborts): Promise<void> {
  const wrong: Named[] = [];
  const events: number[] = [];
  for (const ending of endings) {
    const { name, kind, text } = ending;
    const wanted = times.has(name) ? 'rolled-back' : 'promoted';
    const routed = wanted === 'promoted' ? (await site.haproxy.route(name)).stable === 'green' : await site.isAtZero(name);
    if (kind !== wanted || !routed) wrong.push({ ...ending, text: `${text}${routed ? '' : '; the route says otherwise'}` });
    if (wanted === 'promoted') events.push(await site.events(name));
  }
  printBound(`all ${String(endings.length)} end right`, `${String(wrong.length)} did not`, wrong.length === 0);
  for (const { name, kind, text } of wrong.slice(0, 10)) console.log(`    ${name}: ${kind}, ${text}`);
  for (const one of wrong.slice(0, 3)) printStory(one);
  const bound = { quantile: 1, atMostMs: ABORT_BOUND_MS };
  printTimes('abort among them: sent → HAProxy has acknowledged the revocation', [...times.values()], [bound]);
  const [p50, p90, max] = [0.5, 0.9, 1].map((share) => String(quantile(events, share)));
  console.log(`events per promoted rollout of the fleet: p50 ${p50!}, p90 ${p90!}, max ${max!}`);
}

/** Why it came to that: its timeline, and the worker's last words on it. */
function printStory({ name, timeline }: Named): void {
  console.log(`\n    ${name}, to the millisecond:`);
  for (const { at, what, gates = [] } of timeline.slice(-12))
    console.log(`      ${new Date(at).toISOString()} ${what} ${gates.map(({ gate, reason }) => `${gate} ${reason}`).join(', ')}`);
  for (const line of site.logged(name).slice(-12)) console.log(`      ${line}`);
}

function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1_000;
}
