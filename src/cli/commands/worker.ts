import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { CommandFailure, fail } from '../failure.js';
import { loadPlatform } from '../files.js';
import { portArgument, withPlace, type PlaceOptions } from '../options.js';
import type { Run } from '../program.js';
import { givenPlace, secretsOf } from '../session.js';
import type { Surroundings } from '../surroundings.js';
import { untilAborted } from '../until-aborted.js';
import type { TemporalPlace, WorkerVersion } from '../../worker/options.js';
import type { PlatformConfig } from '../../spec/platform.js';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

interface Options extends PlaceOptions {
  readonly port: number;
  readonly host: string;
  readonly logLevel: (typeof LEVELS)[number];
  readonly deploymentName?: string;
  readonly buildId?: string;
}

export function workerCommand(program: Command, run: Run): void {
  const command = program
    .command('worker')
    .description('run rollouts: both task queues, health and metrics, until SIGTERM')
    .option('--port <port>', 'where /healthz, /readyz and /metrics are served', portArgument, 9464)
    .option('--host <address>', 'address of that port', '127.0.0.1')
    .addOption(new Option('--log-level <level>', 'how much is logged').choices(LEVELS).default('info'))
    .option('--deployment-name <name>', 'Worker Versioning: the deployment, with --build-id', versionArgument)
    .option('--build-id <id>', 'Worker Versioning: rollouts that this build begins stay with it', versionArgument);
  withPlace(command).action((options: Options) =>
    run((surroundings) => {
      const config = loadPlatform(surroundings, options.config);
      const version = versionOf(options);
      return runWorker(surroundings, {
        config,
        temporal: givenPlace(surroundings, options),
        http: { host: options.host, port: options.port },
        logLevel: options.logLevel,
        ...(version === undefined ? {} : { version }),
      });
    }),
  );
}

/** An empty one, as a variable that is not set leaves behind, would start a worker that nobody takes for versioned. */
function versionArgument(text: string): string {
  if (text.trim() === '')
    throw new InvalidArgumentError('expected a name; leave both options out for workers that are not versioned');
  return text;
}

/** Undefined: unversioned. */
function versionOf({ deploymentName, buildId }: Options): WorkerVersion | undefined {
  if (deploymentName === undefined && buildId === undefined) return undefined;
  if (deploymentName === undefined || buildId === undefined)
    throw fail('found only one of --deployment-name and --build-id, expected both, or none for workers that are not versioned');
  return { deploymentName, buildId };
}

export interface WorkerRun {
  readonly config: PlatformConfig;
  readonly temporal: TemporalPlace;
  readonly http: { readonly host: string; readonly port: number };
  readonly logLevel: string;
  readonly version?: WorkerVersion;
  /** Told when both workers take on work. */
  readonly whenReady?: (metricsUrl: string) => void;
  /** Ends the worker besides an interrupt. */
  readonly over?: Promise<unknown>;
}

/** Until it is interrupted, or ends by itself, which is an error. */
export async function runWorker(
  surroundings: Surroundings,
  { config, temporal, http, logLevel, version, whenReady, over }: WorkerRun,
): Promise<ExitCode> {
  // Here, because the SDK's core takes a while to load and no other command needs it.
  const [{ pino }, { startWorker }, { WorkerConfigurationError }] = await Promise.all([
    import('pino'),
    import('../../worker/start-worker.js'),
    import('../../worker/options.js'),
  ]);
  try {
    const worker = startWorker({
      config,
      temporal,
      http,
      secrets: secretsOf(surroundings),
      logger: pino({ level: logLevel }),
      ...(version === undefined ? {} : { version }),
    });
    const stop = (): void => void worker.shutdown();
    void untilAborted(surroundings.interrupted()).then(stop);
    void over?.then(stop);
    if (whenReady !== undefined)
      void Promise.all([worker.listening, worker.ready]).then(
        ([{ url }]) => {
          whenReady(url);
        },
        () => undefined,
      );
    await worker.finished;
    return EXIT.ok;
  } catch (error) {
    if (error instanceof WorkerConfigurationError) throw new CommandFailure(error.problems);
    throw error;
  }
}
