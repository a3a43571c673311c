import type { Logger } from 'pino';
import type { CapacityController, MetricSource, Notifier, QueueController, TrafficRouter } from '../providers/ports.js';
import type { PlatformConfig } from '../spec/platform.js';
import type { SecretSource } from '../spec/secrets.js';

/** Ports by name that no configuration describes. */
export interface NamedPorts {
  readonly routers?: Readonly<Record<string, TrafficRouter>>;
  readonly metrics?: Readonly<Record<string, MetricSource>>;
  readonly capacity?: Readonly<Record<string, CapacityController>>;
  readonly queues?: Readonly<Record<string, QueueController>>;
  readonly notifiers?: Readonly<Record<string, Notifier>>;
}

export interface WorkerOptions {
  /** As parsed, secrets still references: they are resolved here and nowhere else. */
  readonly config: PlatformConfig;
  readonly secrets: SecretSource;
  readonly logger: Logger;
  /** In place of the configuration's: what the command line or the environment says. */
  readonly temporal?: TemporalPlace;
  /** Health and metrics; port 0 takes any. */
  readonly http?: { readonly host?: string; readonly port?: number };
  /**
   * Longest time between two heartbeats that reach Temporal (design.md §5). A cancellation and a lost worker are noticed so
   * much later; at 1 s, 300 rollouts took 58 % of the machine for the server, at 5 s 23 %. Unless told: 1 s where no
   * environment is production, so that rehearsals are quick, else 5 s.
   */
  readonly heartbeatThrottleMs?: number;
  /** Where the SDK's own metrics go. `prometheus` (the default): into /metrics, beside ours. */
  readonly sdkMetrics?:
    { readonly kind: 'prometheus' } | { readonly kind: 'otel'; readonly url: string } | { readonly kind: 'none' };
  /**
   * Code bundled beforehand by `bundleWorkflowCode`, with the converters of `contract/data-converter.ts`; unless told it is
   * bundled at the start, which takes a few seconds.
   */
  readonly workflowBundle?: string;
  /** How long running activities may go on after `shutdown`; then they are cancelled and hand over (5 s). */
  readonly shutdownGraceMs?: number;
  /** For tests and the demo. Refused unless `allowInMemory` is set, and where an environment is production. */
  readonly inMemory?: NamedPorts;
  readonly allowInMemory?: boolean;
  /** For tests whose revisions answer in memory: how pinned requests are sent. */
  readonly fetch?: typeof globalThis.fetch;
  /** Name of this worker in Temporal; unless told the SDK's own, process id and host. */
  readonly identity?: string;
  /** Worker Versioning: a rollout stays with the version that began it. Unless told, every worker may continue every rollout. */
  readonly version?: WorkerVersion;
}

/** As Temporal calls it: a build of a deployment. */
export interface WorkerVersion {
  readonly deploymentName: string;
  readonly buildId: string;
}

export interface TemporalPlace {
  readonly address?: string;
  readonly namespace?: string;
  readonly apiKey?: string;
  readonly tls?: boolean | TlsTexts;
}

/** PEM texts. */
export interface TlsTexts {
  readonly serverName?: string | undefined;
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** A mistake in what the worker was given: it does not start. One line a mistake. */
export class WorkerConfigurationError extends Error {
  override readonly name = 'WorkerConfigurationError';
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}
