/**
 * What all benches stand on, everything real: a Temporal dev server with a database file, one HAProxy with any number of
 * services over two shared back ends, the built `sluice exporter` and `sluice worker` as processes, and the typed client in this one.
 * HAProxy's sockets pass through the referee's recorder: what it acknowledged, and when, is the truth about the route.
 */
import { setMaxListeners } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { temporal as proto } from '@temporalio/proto';
import { SluiceClient } from '../src/client/index.js';
import { rolloutId } from '../src/contract/names.js';
import type { Outcome, OutcomeKind } from '../src/domain/outcome.js';
import type { Target } from '../src/domain/words.js';
import { haproxyConfiguration, haproxyRunFiles } from '../src/providers/routers/haproxy/configuration.js';
import { parseConfig } from '../src/spec/parse-config.js';
import { parseRollout } from '../src/spec/parse-rollout.js';
import { renderProblem, type Problem } from '../src/spec/problems.js';
import { AccessLog } from '../test/harness/access-log.js';
import { Haproxy } from '../test/harness/haproxy.js';
import { Load } from '../test/harness/load.js';
import { freePorts } from '../test/harness/ports.js';
import { startProcess, type ManagedProcess } from '../test/harness/processes.js';
import { TestService } from '../test/harness/service.js';
import { SocketRecorder } from '../test/harness/socket-recorder.js';
import { TemporalServer } from '../test/harness/temporal.js';
import { until } from '../test/harness/until.js';

// All senders of a load wait on one signal.
setMaxListeners(64);

const TOKEN = 'bench-release-token-0123456789';
const ENVIRONMENT = 'bench';
/** As it is shipped: compiling while it runs, and mapping every error's stack back to TypeScript, is no cost of the product's. */
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** `/metrics` of each: where a metric source may scrape. */
export interface MetricAddresses {
  readonly exporter: string;
  readonly blue: string;
  readonly green: string;
}

export interface SiteOptions {
  readonly services: readonly string[];
  /** The configuration's `metrics`, by name. The first is what rollouts are judged by unless their plan names others. */
  readonly metrics: (addresses: MetricAddresses) => Readonly<Record<string, object>>;
  /** Processes of `sluice worker`; 1 unless told. */
  readonly workers?: number;
  /** Last word on HAProxy's configuration. */
  readonly haproxy?: (configuration: string) => string;
}

/** The services' own counters, which all services of a site share: level 0, nothing of Sluice's needed. */
export const ownMetrics = (urls: readonly string[]): object => ({
  type: 'scrape',
  urls,
  labels: { revision: 'revision', code: 'code' },
  names: { requests: 'http_requests_total', latency: 'http_request_duration_seconds' },
});

export interface BenchWorker {
  readonly process: ManagedProcess;
  readonly metricsUrl: string;
}

export interface Ending {
  readonly kind: OutcomeKind | 'lost';
  readonly text: string;
  readonly timeline: Outcome['timeline'];
}

export const target = (service: string): Target => ({ service, environment: ENVIRONMENT });

export class Site {
  private constructor(
    readonly options: SiteOptions,
    readonly folder: string,
    readonly temporal: TemporalServer,
    readonly log: AccessLog,
    readonly blue: TestService,
    readonly green: TestService,
    readonly haproxy: Haproxy,
    readonly admin: SocketRecorder,
    readonly master: SocketRecorder,
    readonly exporter: ManagedProcess,
    readonly workers: readonly BenchWorker[],
    readonly client: SluiceClient,
    private readonly platform: string,
  ) {}

  static async start(options: SiteOptions): Promise<Site> {
    const { services } = options;
    const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
    const databaseFolder = join(folder, 'temporal');
    mkdirSync(databaseFolder);
    const log = await AccessLog.open();
    const [temporal, blue, green] = await Promise.all([
      TemporalServer.start({ databaseFolder }),
      TestService.start({ name: 'blue' }),
      TestService.start({ name: 'green' }),
    ]);
    const haproxy = await startHaproxy(options, folder, { log, blue, green });
    const admin = await SocketRecorder.open(join(haproxy.runFolder, 'worker.sock'), haproxy.adminSocket);
    const master = await SocketRecorder.open(join(haproxy.runFolder, 'worker-master.sock'), haproxy.masterSocket);
    const [udpPort, metricsPort] = (await freePorts(2)) as [number, number];
    const exporter = await startExporter(services, udpPort, metricsPort);
    log.relayTo(udpPort);
    const metrics = (base: string): string => `${base}/metrics`;
    const platform = JSON.stringify({
      temporal: { address: temporal.address },
      routers: {
        proxy: {
          type: 'haproxy',
          adminSocket: admin.path,
          masterSocket: master.path,
          directory: haproxy.runFolder,
          control: haproxy.controlUrl,
          public: haproxy.url,
          releaseToken: { env: 'RELEASE_TOKEN' },
        },
      },
      metrics: options.metrics({
        exporter: metrics(`http://127.0.0.1:${String(metricsPort)}`),
        blue: metrics(blue.url),
        green: metrics(green.url),
      }),
      environments: { [ENVIRONMENT]: { production: false } },
      limits: { rollouts: Math.max(500, services.length) },
    });
    const config = join(folder, 'sluice.config.yaml');
    writeFileSync(config, platform);
    const workers = await Promise.all((await freePorts(options.workers ?? 1)).map((port) => startWorker(config, port)));
    const client = await SluiceClient.connect({ address: temporal.address });
    return new Site(options, folder, temporal, log, blue, green, haproxy, admin, master, exporter, workers, client, platform);
  }

  async stop(): Promise<void> {
    await this.client.close();
    await Promise.all(this.workers.map(({ process }) => process.stop({ graceMs: 15_000 })));
    await this.exporter.stop();
    await Promise.all([this.admin.close(), this.master.close()]);
    await this.haproxy.stop();
    await Promise.all([this.blue.stop(), this.green.stop(), this.log.close()]);
    await this.temporal.stop();
    this.haproxy.removeRunFolder();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Users of the services in turn, each asking only once, so that every request is drawn anew. */
  users(requestsPerSecond: number, atMostMs: number, services = this.options.services): Load {
    return new Load({
      url: this.haproxy.url,
      requestsPerSecond,
      concurrency: 16,
      atMost: { requests: Infinity, ms: atMostMs },
      headers: (n) => ({ host: hostOf(services[n % services.length]!) }),
    });
  }

  /** Starts a rollout of green; `more` is what the rollout file would say further. */
  async begin(service: string, more: object): Promise<void> {
    const file = {
      ...target(service),
      candidate: { release: this.green.identity.releaseId, revision: 'green' },
      router: 'proxy',
      metrics: Object.keys((JSON.parse(this.platform) as { metrics: object }).metrics)[0],
      profile: 'rehearsal',
      // The machine is shared, and two Node programs on it differ in latency by chance of scheduling: reported, not judged.
      gates: { latency: { mode: 'observe' } },
      ...more,
    };
    const platform = orThrow(parseConfig(this.platform, { file: 'sluice.config.yaml', env: {} })).config;
    const { plan } = orThrow(parseRollout(JSON.stringify(file), { file: `${service}.yaml`, env: {}, platform }));
    const started = await this.client.start(plan, { starter: { name: 'bench', verified: false }, again: true });
    if (started.kind !== 'started') throw new Error(`${service} did not start: ${JSON.stringify(started)}`);
  }

  /** One that ends instead is an error. */
  async untilSoaking(service: string, weightBp: number, withinMs: number): Promise<void> {
    const look = async (): Promise<string | false> => {
      const seen = await this.client.status(target(service));
      if (seen.kind === 'closed') return `${service} has ended: ${seen.outcome.headline}: ${seen.outcome.findings.join('; ')}`;
      return seen.kind === 'open' && seen.status.phase === 'soaking' && seen.status.weightBp === weightBp && 'soaking';
    };
    const found = await until(look, { withinMs, everyMs: 250, what: `${service} to soak at ${String(weightBp)} bp` });
    if (found !== 'soaking') throw new Error(found);
  }

  /** The Signal alone, over the connection that is open already. Returns when it was sent; Temporal has it when it resolves. */
  abort(service: string): { readonly sentAt: number; readonly acknowledged: Promise<void> } {
    const handle = this.client.temporal.client.workflow.getHandle(rolloutId(target(service)));
    const sentAt = Date.now();
    return { sentAt, acknowledged: handle.signal('abort', { by: 'bench', reason: 'measuring' }) };
  }

  /** How it ended, or `lost` where it has not within the time. */
  async ending(service: string, withinMs: number): Promise<Ending> {
    const lost = (text: string): Ending => ({ kind: 'lost', text, timeline: [] });
    try {
      const result = await this.client.result(target(service), { signal: AbortSignal.timeout(withinMs) });
      if (result.kind !== 'closed') return lost(result.kind === 'broken' ? result.text : 'no such rollout');
      const { outcome, headline, timeline } = result.outcome;
      return { kind: outcome, text: headline, timeline };
    } catch (error) {
      return lost(error instanceof Error ? error.message : String(error));
    }
  }

  /** What all workers have logged of the service's rollout. */
  logged(service: string): readonly string[] {
    return this.workers
      .flatMap(({ process }) => process.output.split('\n'))
      .filter((line) => line.includes(`"${rolloutId(target(service))}"`));
  }

  async events(service: string): Promise<number> {
    return (await this.client.temporal.client.workflow.getHandle(rolloutId(target(service))).describe()).historyLength;
  }

  /**
   * What Temporal Cloud would bill as actions for this rollout, by its history, and what does not stand there: the heartbeats that
   * reach the server, queries and the janitor's schedule.
   */
  async actions(service: string): Promise<number> {
    const { events } = await this.client.temporal.client.workflow.getHandle(rolloutId(target(service))).fetchHistory();
    return (events ?? []).reduce((sum, event) => sum + actionsOf(event), 0);
  }

  /** Whether HAProxy itself says that nobody of this service is sent to the candidate. */
  async isAtZero(service: string): Promise<boolean> {
    const { route, revoked, stable } = await this.haproxy.route(service);
    return stable === 'blue' && /^green:0:/.test(route) && revoked !== 'no';
  }
}

type HistoryEvent = proto.api.history.v1.IHistoryEvent;

/** By Temporal's list of billable actions. A start of a child counts twice; a retried activity as often as it was started. */
function actionsOf(event: HistoryEvent): number {
  if (event.activityTaskStartedEventAttributes) return event.activityTaskStartedEventAttributes.attempt ?? 1;
  if (event.startChildWorkflowExecutionInitiatedEventAttributes) return 2;
  const single =
    event.workflowExecutionStartedEventAttributes ??
    event.timerStartedEventAttributes ??
    event.upsertWorkflowSearchAttributesEventAttributes ??
    event.workflowExecutionSignaledEventAttributes ??
    event.workflowExecutionUpdateAcceptedEventAttributes;
  return single ? 1 : 0;
}

const hostOf = (service: string): string => `${service}.bench`;

async function startHaproxy(
  { services, haproxy: last = (text) => text }: SiteOptions,
  folder: string,
  { log, blue, green }: { readonly log: AccessLog; readonly blue: TestService; readonly green: TestService },
): Promise<Haproxy> {
  const slots = { blue: `127.0.0.1:${String(blue.identity.port)}`, green: `127.0.0.1:${String(green.identity.port)}` };
  const config = join(folder, 'haproxy.cfg');
  writeFileSync(config, last(haproxyConfiguration({ services: services.map((name) => ({ name, slots })) })));
  return Haproxy.start({
    config,
    logPort: log.port,
    service: services[0]!,
    files: {
      ...haproxyRunFiles(services.map((name) => ({ name, stable: 'blue' as const }))),
      'hosts.map': services.map((name) => `${hostOf(name)} ${name}\n`).join(''),
    },
    environment: { RELEASE_TOKEN: TOKEN },
  });
}

async function startWorker(config: string, port: number): Promise<BenchWorker> {
  const words = ['--config', config, '--port', String(port), '--log-level', 'warn'];
  const url = `http://127.0.0.1:${String(port)}`;
  const isReady = (): Promise<boolean> => isOk(`${url}/readyz`);
  const process = await startProcess(sluice('worker', words, { RELEASE_TOKEN: TOKEN }), { isReady, withinMs: 120_000 });
  return { process, metricsUrl: `${url}/metrics` };
}

function startExporter(services: readonly string[], udpPort: number, port: number): Promise<ManagedProcess> {
  const words = ['--udp-port', String(udpPort), '--port', String(port), ...services.flatMap((name) => ['--service', name])];
  return startProcess(sluice('exporter', words), {
    isReady: () => isOk(`http://127.0.0.1:${String(port)}/healthz`),
    withinMs: 60_000,
  });
}

function sluice(command: string, words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return { name: `sluice ${command}`, file: process.execPath, arguments: [MAIN, command, ...words], environment };
}

const isOk = async (url: string): Promise<boolean> => (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;

type Parsed<Ok> = Ok | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

function orThrow<Ok extends { readonly kind: 'ok' }>(parsed: Parsed<Ok>): Ok {
  if (parsed.kind === 'ok') return parsed;
  throw new Error(parsed.problems.map(renderProblem).join('\n'));
}
