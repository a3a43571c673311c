/**
 * Everything real: Temporal, HAProxy with two slots, and Sluice as its users run it: `sluice exporter`, `sluice worker` and the
 * command line as processes. HAProxy's sockets pass through the referee's recorders.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BrokenMetrics } from '../harness/broken-metrics.js';
import { freePorts } from '../harness/ports.js';
import { runToEnd, startProcess, type Finished, type ManagedProcess } from '../harness/processes.js';
import { typescriptProgram } from '../harness/node-program.js';
import type { ServiceProgram } from '../harness/service.js';
import { startStage, type Stage } from '../harness/stage.js';
import { TemporalServer } from '../harness/temporal.js';
import type { RouteSnapshot } from '../harness/route-snapshot.js';
import { until } from '../harness/until.js';
import type { WorkflowHistory } from '../harness/workflow-history.js';
import type { CliExit, Disturbance } from '../referee/evidence.js';
import { gather } from '../referee/gather.js';
import { assertUpheld } from '../referee/referee.js';

export const SERVICE = 'app';
export const ENVIRONMENT = 'test';
/** Of the profile that the plant's rollouts use. */
const STEPS_BP = [100, 500, 2_500, 5_000, 10_000];
export const ROLLOUT = `rollout/${ENVIRONMENT}/${SERVICE}`;

/** The sources, or with SLUICE_BUILT=1 what `npm run build` made of them, which starts sooner. */
const MAIN =
  process.env['SLUICE_BUILT'] === '1'
    ? [fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))]
    : typescriptProgram(new URL('../../src/cli/main.ts', import.meta.url));

const REHEARSED_SOAK_MS = 5_000;

export interface PlantOptions {
  /** Temporal remembers across a kill. */
  readonly durable?: boolean;
  /** Of every step of every rollout. */
  readonly soakMs?: number;
  /** Address of a PostgreSQL that the worker writes the release record to, as the connection `guards`. */
  readonly guards?: string;
  /** What runs in the slots behind the guard; its counters are the metric source `guards`. */
  readonly run?: Readonly<Record<'blue' | 'green', ServiceProgram>>;
}

export class Plant {
  /** What the command line ended with, for the referee. */
  readonly exits: CliExit[] = [];
  readonly #disturbances: Disturbance[] = [];
  readonly #snapshots: RouteSnapshot[] = [];
  /** By first run, in the order of their starts. */
  readonly #rollouts = new Map<string, readonly WorkflowHistory[]>();
  #worker: ManagedProcess | undefined;

  private constructor(
    readonly temporal: TemporalServer,
    readonly stage: Stage,
    private readonly exporter: ManagedProcess,
    /** What the worker reads of the exporter passes through here. */
    readonly metrics: BrokenMetrics,
    readonly folder: string,
    private readonly workerPort: number,
    /** Nobody listens there: the address of the notifier `deaf`. */
    private readonly deafPort: number,
    private readonly soakMs: number,
    private readonly guards: string | undefined,
  ) {}

  static async start({ durable = false, soakMs = REHEARSED_SOAK_MS, guards, run }: PlantOptions = {}): Promise<Plant> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-plant-'));
    const [udpPort, metricsPort, workerPort, tapPort, deafPort] = (await freePorts(5)) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const [temporal, stage] = await Promise.all([
      TemporalServer.start(durable ? { databaseFolder: folder } : {}),
      startStage({ service: SERVICE, ...(run && { run }) }),
    ]);
    const exporter = await startProcess(
      sluice('exporter', ['--udp-port', String(udpPort), '--port', String(metricsPort), '--service', SERVICE]),
      { isReady: () => isOk(`http://127.0.0.1:${metricsPort}/healthz`), withinMs: 30_000 },
    );
    stage.log.relayTo(udpPort);
    const metrics = await BrokenMetrics.before(`http://127.0.0.1:${metricsPort}`, tapPort);
    const plant = new Plant(temporal, stage, exporter, metrics, folder, workerPort, deafPort, soakMs, guards);
    writeFileSync(plant.file('sluice.config.yaml'), plant.#configuration(run !== undefined));
    await plant.startWorker();
    return plant;
  }

  async stop(): Promise<void> {
    await this.#worker?.stop();
    this.metrics.close();
    await this.exporter.stop();
    await this.stage.stop();
    await this.temporal.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async startWorker(): Promise<void> {
    const killed = this.#disturbances.findIndex(({ what, to }) => what === 'worker' && to === undefined);
    this.#worker = await startProcess(
      sluice('worker', ['--config', this.file('sluice.config.yaml'), '--port', String(this.workerPort)], {
        RELEASE_TOKEN: this.stage.token,
        ...(this.guards === undefined ? {} : { GUARDS_URL: this.guards }),
      }),
      { isReady: () => isOk(`http://127.0.0.1:${this.workerPort}/readyz`), withinMs: 60_000 },
    );
    const gone = this.#disturbances[killed];
    if (gone !== undefined) this.#disturbances[killed] = { ...gone, to: Date.now() };
  }

  /** SIGKILL: no goodbye, no hand-over. Until `startWorker` the referee knows that nobody controls. */
  async killWorker(): Promise<void> {
    this.#disturbances.push({ what: 'worker', from: Date.now() });
    await this.#worker?.kill();
  }

  /** SIGKILL, and again on the same port and database. */
  async killTemporal(): Promise<void> {
    await this.#during('temporal', () => this.temporal.restart('kill'));
  }

  /** SIGKILL, and again with what its map files say. */
  async killProxy(): Promise<void> {
    await this.#during('proxy', async () => {
      await this.stage.haproxy.kill();
      await this.stage.haproxy.start();
    });
  }

  async reload(): Promise<void> {
    const before = await this.stage.haproxy.route();
    this.#snapshots.push(before);
    await this.stage.haproxy.reload();
    this.#disturbances.push({ what: 'reload', from: before.at, to: Date.now() });
  }

  async #during(what: Disturbance['what'], happen: () => Promise<void>): Promise<void> {
    const from = Date.now();
    await happen();
    // The proxy's health checks find its servers again within two seconds.
    this.#disturbances.push({ what, from, to: Date.now() + 2_000 });
  }

  /** Until the rollout has closed and everything is at rest; then the referee judges the whole record since the plant's start. */
  async judge(): Promise<void> {
    await until(async () => !(await this.temporal.isOpen(ROLLOUT)), { withinMs: 180_000, what: 'the rollout to have closed' });
    const chain = await this.temporal.showChain(ROLLOUT);
    this.#rollouts.set(JSON.stringify(chain[0]?.events[0]), chain);
    const evidence = await gather(this.stage, {
      snapshots: this.#snapshots,
      rollouts: [...this.#rollouts.values()],
      exits: this.exits,
    });
    this.#snapshots.push(...evidence.snapshots.slice(-1));
    const { blue, green } = this.stage;
    const releases = [blue, green].map(({ identity }) => identity.releaseId);
    assertUpheld(evidence, {
      service: SERVICE,
      stepsBp: STEPS_BP,
      otherLadders: releases.map((release) => ({ release, stepsBp: [10_000] })),
      stableAtStart: 'blue',
      slotOf: { [blue.identity.releaseId]: 'blue', [green.identity.releaseId]: 'green' },
      soakMs: this.soakMs,
      disturbances: this.#disturbances,
    });
  }

  get workerOutput(): string {
    return this.#worker?.output ?? '';
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a rollout of the slot; `more` is further YAML. */
  rolloutFile(slot: 'blue' | 'green', more = ''): string {
    const { identity } = this.stage[slot];
    const file = this.file(`rollout-${slot}.yaml`);
    const lines = [
      `service: ${SERVICE}`,
      `environment: ${ENVIRONMENT}`,
      ...(/^soak:/m.test(more) ? [] : [`soak: ${String(this.soakMs / 1_000)}s`]),
      `candidate: {release: ${identity.releaseId}, revision: ${slot}}`,
      'router: proxy',
      ...(/^metrics:/m.test(more) ? [] : ['metrics: log']),
      'profile: rehearsal',
      ...(/^gates:/m.test(more) ? [] : ['gates: {latency: {mode: observe}}']),
      more,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  }

  /** One command line, as a process; its exit code is kept for the referee. */
  async sluice(words: readonly string[], withinMs = 120_000): Promise<Finished> {
    const ended = await runToEnd(sluice(words[0] ?? '', [...words.slice(1), '--config', this.file('sluice.config.yaml')]), {
      withinMs,
    });
    this.exits.push({ arguments: words, code: ended.code, at: Date.now() });
    return ended;
  }

  #configuration(isGuarded: boolean): string {
    const { admin, master, haproxy, blue, green } = this.stage;
    const pages = [blue, green].map(({ url }) => `${url}/metrics`);
    return [
      'temporal:',
      `  address: ${this.temporal.address}`,
      'routers:',
      '  proxy:',
      '    type: haproxy',
      `    adminSocket: ${admin.path}`,
      `    masterSocket: ${master.path}`,
      `    directory: ${haproxy.runFolder}`,
      `    control: ${haproxy.controlUrl}`,
      `    public: ${haproxy.url}`,
      '    releaseToken: {env: RELEASE_TOKEN}',
      'metrics:',
      '  log:',
      '    type: scrape',
      `    urls: ["${this.metrics.url}/metrics"]`,
      ...(isGuarded ? ['  guards:', '    type: scrape', '    from: guard', `    urls: ${JSON.stringify(pages)}`] : []),
      'notifiers:',
      `  deaf: {type: webhook, url: "http://127.0.0.1:${String(this.deafPort)}/told"}`,
      ...(this.guards === undefined ? [] : ['queues:', '  guards: {type: postgres, url: {env: GUARDS_URL}}']),
      'environments:',
      `  ${ENVIRONMENT}: {production: false}`,
      '',
    ].join('\n');
  }
}

function sluice(command: string, words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return { name: `sluice ${command}`, file: process.execPath, arguments: [...MAIN, command, ...words], environment };
}

const isOk = async (url: string): Promise<boolean> => (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
