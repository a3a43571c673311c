/**
 * What the guard costs a service: CPU time of the server's process per request, as a ratio to the bare framework's, and to that of
 * node-idempotency and of @aws-lambda-powertools/idempotency on the same Redis. Every contestant has a process of its own
 * (`server.ts`) and gets the same requests; in each round all take their turn, in an order of its own, and a ratio is always
 * between two turns of one round. The client never sleeps: a server that answers a sleeping client pays for waking it, so that
 * whoever is a little slower than the client would seem to be much slower. Times are the machine's own affair, so only ratios are
 * printed. Round trips are counted on Redis itself, from its MONITOR; what of a run's garbage grows old, from V8's `--trace-gc`.
 *
 * Run: npm run bench:guard [-- --rounds 12 --requests 1000 --connections 16 --seed 1]
 */
import assert from 'node:assert/strict';
import { createClient } from 'redis';
import { Pool } from 'undici';
import { typescriptProgram } from '../../test/harness/node-program.js';
import { freePort } from '../../test/harness/ports.js';
import { runToEnd, startProcess, type ManagedProcess } from '../../test/harness/processes.js';
import { Redis } from '../../test/harness/redis.js';
import { until } from '../../test/harness/until.js';
import { printBound, printLoad, quantile, readArguments } from '../figures.js';
import { randomFrom, type Random } from '../judge/random.js';
import type { Cost } from './server.js';

const wanted = readArguments({ rounds: 12, requests: 1_000, connections: 16, seed: 1 });
/** Rounds that are run and not counted: until then the code is being compiled. */
const WARM_UP_ROUNDS = 3;
/** Keys over which the round trips are counted. */
const COUNTED_KEYS = 50;
const REPLAY_LIMIT = 1.3;
/** Guarded runs whose garbage is looked at. */
const TRACED_RUNS = 400_000;
const SURVIVE_AT_MOST = 0.02;

const ON_MEMORY = 'express, sluice on memory';
const ON_REDIS = 'express, sluice on Redis';
const JOB_ON_REDIS = 'express, sluice job on Redis';
const RIVALS = ['express, node-idempotency on Redis', 'express, powertools on Redis'];
/** Each with the bare server that it is compared with. */
const CONTESTANTS: Readonly<Record<string, string>> = {
  express: 'express',
  [ON_MEMORY]: 'express',
  [ON_REDIS]: 'express',
  [JOB_ON_REDIS]: 'express',
  'express, node-idempotency on Redis': 'express',
  'express, powertools on Redis': 'express',
  fastify: 'fastify',
  'fastify, sluice on memory': 'fastify',
};
const NAMES = Object.keys(CONTESTANTS);
const isBare = (name: string): boolean => CONTESTANTS[name] === name;

const ORDER = JSON.stringify({
  customer: 'c-4711',
  lines: [
    { article: 'a-100', quantity: 2, note: 'no substitutes' },
    { article: 'a-205', quantity: 1, note: '' },
  ],
  deliver: { street: 'Seestrasse 12', city: 'Zürich', country: 'CH' },
});

const WORKLOADS = ['new key', 'replay'] as const;
type Workload = (typeof WORKLOADS)[number];

/** Keeps this process from sleeping until what it returns is called. */
function stayAwake(): () => void {
  let isOver = false;
  const turn = (): void => {
    if (!isOver) setImmediate(turn);
  };
  turn();
  return () => {
    isOver = true;
  };
}

class Contestant {
  readonly #pool: Pool;
  readonly #replayed: readonly string[];
  #sent = 0;

  private constructor(
    readonly name: string,
    readonly server: ManagedProcess,
    url: string,
  ) {
    this.#pool = new Pool(url, { connections: wanted.connections, pipelining: 1 });
    this.#replayed = Array.from({ length: 200 }, () => this.#newKey());
  }

  static async start(name: string, redisUrl: string): Promise<Contestant> {
    const port = String(await freePort());
    const server = await startProcess(
      {
        name,
        file: process.execPath,
        arguments: typescriptProgram(new URL('server.ts', import.meta.url), [name, port, redisUrl]),
        environment: { NODE_ENV: 'production' },
      },
      { isReady: (child) => child.stdout.includes('ready'), withinMs: 60_000 },
    );
    const contestant = new Contestant(name, server, `http://127.0.0.1:${port}`);
    await contestant.send(contestant.#replayed);
    return contestant;
  }

  keys(workload: Workload, count: number): string[] {
    const replayed = this.#replayed;
    return Array.from({ length: count }, (_, n) => (workload === 'replay' ? replayed[n % replayed.length]! : this.#newKey()));
  }

  /** Each key once, as many at a time as there are connections. Rejects unless all are answered as the handler would. */
  async send(keys: readonly string[]): Promise<void> {
    const left = keys.values();
    const sendOn = async (): Promise<void> => {
      for (const key of left) {
        const headers = { 'content-type': 'application/json', 'idempotency-key': key };
        const { statusCode, body } = await this.#pool.request({ path: '/orders', method: 'POST', headers, body: ORDER });
        const text = await body.text();
        assert.equal(statusCode, 201, `${this.name}: ${text}`);
      }
    };
    await Promise.all(Array.from({ length: wanted.connections }, sendOn));
  }

  /** CPU time per request in microseconds. Rejects if the handler ran another number of times than the workload says. */
  async turn(workload: Workload): Promise<number> {
    const keys = this.keys(workload, wanted.requests);
    const before = await this.#cost();
    const sleepAgain = stayAwake();
    await this.send(keys);
    sleepAgain();
    const after = await this.#cost();
    const expected = workload === 'replay' && !isBare(this.name) ? 0 : keys.length;
    assert.equal(after.effects - before.effects, expected, `${this.name}: handlers that ran in ${workload}`);
    return (after.cpuUs - before.cpuUs) / keys.length;
  }

  async stop(): Promise<void> {
    await this.#pool.close();
    await this.server.stop();
  }

  async #cost(): Promise<Cost> {
    const { body } = await this.#pool.request({ path: '/cost', method: 'GET' });
    return (await body.json()) as Cost;
  }

  /** As long as a UUID. */
  #newKey(): string {
    return `${String(process.pid)}-${String(++this.#sent)}`.padStart(36, 'k');
  }
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  const mixed = [...values];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other]!, mixed[last]!];
  }
  return mixed;
}

/** Commands that reach Redis while `work` runs, without those that a script runs inside it. */
async function roundTrips(redisUrl: string, work: () => Promise<void>): Promise<number> {
  const watching = createClient({ url: redisUrl });
  const marking = createClient({ url: redisUrl });
  await Promise.all([watching.connect(), marking.connect()]);
  const lines: string[] = [];
  await watching.monitor((line) => lines.push(line));
  // Redis does one command after another, so what is before the mark in its list came before it.
  const mark = async (text: string): Promise<number> => {
    await marking.echo(text);
    const placeOf = (): number => lines.findIndex((line) => line.includes(text));
    await until(() => placeOf() >= 0, { withinMs: 10_000, what: `${text} in Redis's MONITOR` });
    return placeOf();
  };
  const from = await mark('mark-begin');
  await work();
  const to = await mark('mark-end');
  watching.destroy();
  marking.destroy();
  return lines.slice(from + 1, to).filter((line) => !/^\S+ \[\d+ lua\]/.test(line)).length;
}

/** Of what guarded runs make, the share that the collector's cheap runs leave, from its own lines. A process's first ones are not counted. */
async function survivors(workload: Workload): Promise<number> {
  const program = typescriptProgram(new URL('runs.ts', import.meta.url), [workload, String(TRACED_RUNS)]);
  const command = { name: `runs, ${workload}`, file: process.execPath, arguments: ['--trace-gc', ...program] };
  const { code, stdout, stderr } = await runToEnd(command, { withinMs: 120_000 });
  assert.equal(code, 0, stderr);
  const sizes = [...stdout.matchAll(/Scavenge ([\d.]+) \(.*?\) -> ([\d.]+) |Mark-Compact/g)].map(([, before, after]) => ({
    before: Number(before),
    after: Number(after),
  }));
  let [made, stayed] = [0, 0];
  for (const [index, { before, after }] of sizes.entries()) {
    const last = sizes[index - 1];
    // After one of the dear runs there is nothing to compare with.
    if (index < sizes.length / 4 || last === undefined || Number.isNaN(last.after + before)) continue;
    made += before - last.after;
    stayed += after - last.after;
  }
  return stayed / made;
}

/** One ratio a round. */
type Ratios = readonly number[];

class Rounds {
  readonly #rounds: ReadonlyMap<string, number>[] = [];

  add(costs: ReadonlyMap<string, number>): void {
    this.#rounds.push(costs);
  }

  ratios(name: string, to: string): Ratios {
    return this.#rounds.map((costs) => costs.get(name)! / costs.get(to)!);
  }
}

const middle = (ratios: Ratios): number => quantile(ratios, 0.5);
const inWords = (ratios: Ratios): string =>
  `${middle(ratios).toFixed(2)} (${quantile(ratios, 0.1).toFixed(2)}..${quantile(ratios, 0.9).toFixed(2)})`;

function printRatioBound(bound: string, ratios: Ratios, limit: number): void {
  printBound(`${bound} ≤ ${String(limit)}`, inWords(ratios), middle(ratios) <= limit);
}

printLoad('start');
const redis = await Redis.start();
const contestants: Contestant[] = [];
try {
  for (const name of NAMES) contestants.push(await Contestant.start(name, redis.url));
  const random = randomFrom(wanted.seed);
  const measured: Record<Workload, Rounds> = { 'new key': new Rounds(), replay: new Rounds() };
  for (let round = -WARM_UP_ROUNDS; round < wanted.rounds; round++)
    for (const workload of shuffled(WORKLOADS, random)) {
      const costs = new Map<string, number>();
      for (const contestant of shuffled(contestants, random)) costs.set(contestant.name, await contestant.turn(workload));
      if (round >= 0) measured[workload].add(costs);
    }

  const rounds = `${String(wanted.rounds)} rounds of ${String(wanted.requests)} requests`;
  console.log(`\nserver CPU per request, ratio to the bare framework in the same round: median (p10..p90), ${rounds}`);
  for (const workload of WORKLOADS) {
    console.log(`${workload}:`);
    for (const name of NAMES.filter((each) => !isBare(each)))
      console.log(`  ${name.padEnd(36)} ${inWords(measured[workload].ratios(name, CONTESTANTS[name]!))}`);
  }
  console.log('\nround trips to Redis per request');
  const trips = new Map<string, Record<Workload, number>>();
  for (const contestant of contestants.filter(({ name }) => name.endsWith('on Redis'))) {
    const counted = async (workload: Workload): Promise<number> => {
      const keys = contestant.keys(workload, COUNTED_KEYS);
      return (await roundTrips(redis.url, () => contestant.send(keys))) / keys.length;
    };
    const found = { 'new key': await counted('new key'), replay: await counted('replay') };
    trips.set(contestant.name, found);
    console.log(`  ${contestant.name.padEnd(36)} new key ${String(found['new key'])}, replay ${String(found.replay)}`);
  }

  console.log('\nbounds');
  for (const ours of [ON_REDIS, JOB_ON_REDIS])
    for (const rival of RIVALS) printRatioBound(`new key, ${ours} to ${rival}`, measured['new key'].ratios(ours, rival), 1);
  for (const name of [ON_MEMORY, 'fastify, sluice on memory'])
    printRatioBound(`replay, ${name} to bare`, measured.replay.ratios(name, CONTESTANTS[name]!), REPLAY_LIMIT);
  const ours = trips.get(ON_REDIS)!;
  printBound('two round trips for a new key', String(ours['new key']), ours['new key'] === 2);
  printBound('one round trip for a replay', String(ours.replay), ours.replay === 1);
  for (const workload of WORKLOADS) {
    const share = await survivors(workload);
    printBound(
      `${workload}, of what is made ${String(SURVIVE_AT_MOST * 100)} % or less outlives a cheap collection`,
      `${(share * 100).toFixed(1)} %`,
      share <= SURVIVE_AT_MOST,
    );
  }
} finally {
  await Promise.all(contestants.map((contestant) => contestant.stop()));
  await redis.stop();
}
printLoad('end');
