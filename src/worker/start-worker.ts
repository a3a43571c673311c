/** The composition root: configuration → providers → activities → workers, with health, metrics and an orderly end. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { Client } from '@temporalio/client';
import type { NativeConnection, Worker } from '@temporalio/worker';
import { systemClock } from '../activities/clock.js';
import { createActivities } from '../activities/create-activities.js';
import type { Neighbourhood } from '../activities/dependencies.js';
import { redactor, valueRedactor } from '../activities/redact.js';
import { dataConverterOf } from '../contract/data-converter.js';
import { keyRingOf, type KeyRing } from '../contract/encryption.js';
import type { Ports } from '../providers/ports.js';
import type { PlatformConfig } from '../spec/platform.js';
import type { Resolved } from '../spec/secrets.js';
import { admission } from './admission.js';
import { connectPatiently, placeOf, type Place } from './connecting.js';
import { serveEndpoints, type Endpoints } from './endpoints.js';
import { neighbourhood, scheduleJanitor } from './janitor.js';
import { WorkerConfigurationError, type WorkerOptions } from './options.js';
import { untilPolled } from './polling.js';
import { createPorts } from './providers.js';
import { rolloutMetrics } from './rollout-metrics.js';
import { installRuntime } from './runtime.js';
import { redactedLogger } from './redacted-logger.js';
import { registerSearchAttributes } from './search-attributes.js';
import { resolveAll, textsGiven } from './secret-values.js';
import { createWorkers } from './workers.js';

export interface RunningWorker {
  /** When health and metrics can be asked: before Temporal has answered. */
  readonly listening: Promise<{ readonly url: string }>;
  /** When both workers take on work, and Temporal knows it. */
  readonly ready: Promise<void>;
  /** When everything has ended. Rejects when a worker ends by itself, which only a new start can mend. */
  readonly finished: Promise<void>;
  /** Takes on nothing new, lets what runs hand over, and ends. Asking twice is asking once. */
  shutdown(): Promise<void>;
}

/** Throws a `WorkerConfigurationError` with every mistake of what it was given; waits patiently for a Temporal that is not there yet. */
export function startWorker(options: WorkerOptions): RunningWorker {
  refuseInMemory(options);
  const { config, texts: configured } = resolveAll(options.config, options.secrets);
  const texts = [...configured, ...textsGiven(options.temporal)];
  const logger = redactedLogger(options.logger, valueRedactor(texts));
  const ports = createPorts(config, logger, options.inMemory);
  return new Composition(
    { ...options, logger },
    { ports, redact: redactor(texts), place: placeOf(config.temporal, options.temporal), keys: keysOf(config) },
  );
}

function keysOf({ file, temporal: { encryption } }: Resolved<PlatformConfig>): KeyRing | undefined {
  if (encryption === undefined) return undefined;
  const outcome = keyRingOf(encryption);
  if (outcome.kind === 'invalid') throw new WorkerConfigurationError(outcome.problems.map((problem) => `${file} ${problem}`));
  return outcome.ring;
}

/** In-memory providers forget everything with their process: a rollout on one is a rehearsal at best. */
function refuseInMemory({ config, inMemory, allowInMemory = false }: WorkerOptions): void {
  if (inMemory === undefined) return;
  const names = Object.entries(inMemory).flatMap(([kind, ports]) =>
    Object.keys(ports as object).map((name) => `${kind}.${name}`),
  );
  const production = Object.entries(config.environments)
    .filter(([, environment]) => environment.production)
    .map(([name]) => name);
  if (!allowInMemory)
    throw new WorkerConfigurationError([
      `in-memory providers are for tests: ${names.join(', ')} refused (allowInMemory is not set)`,
    ]);
  if (production.length > 0)
    throw new WorkerConfigurationError([
      `in-memory providers are for tests: ${names.join(', ')} refused beside the production environment ${production.join(', ')}`,
    ]);
}

interface Parts {
  readonly ports: Ports;
  readonly redact: (text: string) => string;
  readonly place: Place;
  readonly keys: KeyRing | undefined;
}

/** Rollouts that wait for their first heartbeat to be throttled differently: see `heartbeatThrottleMs`. */
const THROTTLE_MS = { rehearsing: 1_000, production: 5_000 } as const;
const SHUTDOWN_GRACE_MS = 5_000;

class Composition implements RunningWorker {
  readonly listening: Promise<{ readonly url: string }>;
  readonly ready: Promise<void>;
  readonly finished: Promise<void>;
  readonly #stop = new AbortController();
  readonly #registry = new Registry();
  #sdkMetricsUrl: string | undefined;
  #endpoints: Endpoints | undefined;
  #connection: NativeConnection | undefined;
  #workers: readonly Worker[] = [];
  #runs: Promise<unknown> = Promise.resolve();
  #stage = 'waiting for Temporal';
  #fatal: string | undefined;

  constructor(
    readonly options: WorkerOptions,
    readonly parts: Parts,
  ) {
    collectDefaultMetrics({ register: this.#registry });
    this.listening = this.#listen();
    this.ready = this.listening.then(() => this.#start());
    this.finished = this.#finish();
    // Whoever does not look at one of these looks at another.
    for (const promise of [this.listening, this.ready, this.finished]) promise.catch(() => undefined);
  }

  async shutdown(): Promise<void> {
    if (!this.#stop.signal.aborted) {
      this.options.logger.info('shutting down: what runs hands over');
      this.#stage = 'shutting down';
      this.#stop.abort();
      for (const worker of this.#workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    }
    await this.finished.catch(() => undefined);
  }

  async #listen(): Promise<{ readonly url: string }> {
    const health = { fatal: () => this.#fatal, unready: () => this.#unready() };
    this.#endpoints = await serveEndpoints(health, this.#registry, () => this.#sdkMetricsUrl, this.options.http);
    this.options.logger.info({ url: this.#endpoints.url }, 'health and metrics are served');
    return { url: this.#endpoints.url };
  }

  async #start(): Promise<void> {
    const { options, parts } = this;
    const { logger, config, heartbeatThrottleMs, shutdownGraceMs, workflowBundle, identity, version } = options;
    const { namespace, address } = parts.place;
    this.#sdkMetricsUrl = (await installRuntime(logger, options.sdkMetrics)).sdkMetricsUrl;
    const connection = await connectPatiently(parts.place, logger, this.#stop.signal);
    if (connection === undefined) throw new Error(`shut down before Temporal at ${address} answered`);
    this.#connection = connection;
    const client = new Client({ connection, namespace, dataConverter: dataConverterOf(parts.keys) });
    this.#stage = 'registering search attributes';
    await registerSearchAttributes(connection, namespace, logger);
    await scheduleJanitor(client, logger);
    this.#stage = 'loading the workflows';
    const hasProduction = Object.values(config.environments).some((environment) => environment.production);
    const workers = await createWorkers({
      connection,
      namespace,
      activities: this.#activities(neighbourhood(client, logger, parts.keys)),
      rollouts: config.limits.rollouts,
      heartbeatThrottleMs: heartbeatThrottleMs ?? (hasProduction ? THROTTLE_MS.production : THROTTLE_MS.rehearsing),
      shutdownGraceMs: shutdownGraceMs ?? SHUTDOWN_GRACE_MS,
      workflowBundle,
      identity,
      version,
      keys: parts.keys,
      logger,
    });
    this.#run(workers);
    // The runs end first where a worker dies, or is told to.
    await Promise.race([untilPolled(connection, namespace, workers, this.#stop.signal), this.#runs]);
    if (this.#stop.signal.aborted) return;
    this.#stage = 'ready';
    logger.info({ address, namespace, rollouts: config.limits.rollouts }, 'ready');
  }

  #activities(around: Neighbourhood) {
    const { logger, config, inMemory, fetch = globalThis.fetch } = this.options;
    const { ports, redact } = this.parts;
    return createActivities(ports, {
      logger,
      metrics: rolloutMetrics(this.#registry),
      clock: systemClock,
      fetch,
      neighbourhood: around,
      // Ports in memory stand in no configuration.
      refusedByPlatform: inMemory === undefined ? admission(config) : () => [],
      redact,
    });
  }

  #run(workers: readonly Worker[]): void {
    this.#workers = workers;
    const runs = workers.map(async (worker) => {
      try {
        await worker.run();
        if (!this.#stop.signal.aborted) throw new Error(`the worker of ${worker.options.taskQueue} ended by itself`);
      } catch (error) {
        this.#fatal ??= error instanceof Error ? error.message : String(error);
        // One alone is of no use: without the long queue nobody judges, without the short one nobody rolls back.
        for (const other of workers) if (other.getState() === 'RUNNING') other.shutdown();
        throw error;
      }
    });
    this.#runs = Promise.allSettled(runs).then((outcomes) => {
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    });
    this.#runs.catch(() => undefined);
    if (this.#stop.signal.aborted) for (const worker of workers) worker.shutdown();
    else this.#stage = 'polling for the first time';
  }

  async #unready(): Promise<readonly string[]> {
    if (this.#stage !== 'ready') return [this.#stage];
    const idle = this.#workers
      .filter((worker) => worker.getState() !== 'RUNNING')
      .map((worker) => `the worker of ${worker.options.taskQueue} is ${worker.getState()}`);
    return idle.length > 0 ? idle : this.#temporalUnready();
  }

  async #temporalUnready(): Promise<readonly string[]> {
    const { namespace, address } = this.parts.place;
    try {
      await this.#connection?.withDeadline(Date.now() + 2_000, async () =>
        this.#connection?.workflowService.describeNamespace({ namespace }),
      );
      return [];
    } catch {
      return [`Temporal at ${address} does not answer`];
    }
  }

  async #finish(): Promise<void> {
    try {
      await this.ready;
      await this.#runs;
    } catch (error) {
      // Asked to end before it was ready is an end as well.
      if (!this.#stop.signal.aborted || this.#fatal !== undefined) throw error;
    } finally {
      await this.#close();
    }
  }

  async #close(): Promise<void> {
    this.#stage = 'ended';
    await this.#connection?.close();
    await this.#endpoints?.close();
  }
}
