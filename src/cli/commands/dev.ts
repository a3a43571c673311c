import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { fail } from '../failure.js';
import { DEFAULT_CONFIG, loadPlatform } from '../files.js';
import { portArgument } from '../options.js';
import type { Run } from '../program.js';
import type { Surroundings } from '../surroundings.js';
import { resolveTemporal, startTemporalServer, type TemporalServer } from '../temporal-server.js';
import { runWorker } from './worker.js';

interface Options {
  readonly config: string;
  readonly port: number;
  readonly uiPort: number;
  readonly database: string;
  readonly metricsPort: number;
  readonly logLevel: string;
}

export function devCommand(program: Command, run: Run): void {
  program
    .command('dev')
    .description('a Temporal development server with its UI, and a worker, until SIGINT')
    .option('--config <file>', "the platform's configuration", DEFAULT_CONFIG)
    .option('--port <port>', 'of Temporal, unless TEMPORAL_ADDRESS names a running one', portArgument, 7233)
    .option('--ui-port <port>', "of Temporal's UI", portArgument, 8233)
    .option('--database <file>', 'what a restart of Temporal goes on from', '.sluice/temporal.db')
    .option('--metrics-port <port>', "of the worker's health and metrics", portArgument, 9464)
    .addOption(
      new Option('--log-level <level>', "of the worker's log").choices(['debug', 'info', 'warn', 'error']).default('warn'),
    )
    .action((options: Options) =>
      run(async (surroundings) => {
        const config = loadPlatform(surroundings, options.config);
        const temporal = await temporalFor(surroundings, options);
        try {
          const code = await runWorker(surroundings, {
            config,
            temporal: { address: temporal.address },
            http: { host: '127.0.0.1', port: options.metricsPort },
            logLevel: options.logLevel,
            over: temporal.ended,
            whenReady: (url) => {
              surroundings.out(`worker: ready; health and metrics at ${url}`);
            },
          });
          if (!surroundings.interrupted().aborted)
            throw fail(
              `the Temporal development server at ${temporal.address} ended by itself; start "sluice dev" again, its rollouts go on`,
            );
          return code;
        } finally {
          await temporal.stop();
        }
      }),
    );
}

type RunningTemporal = Pick<TemporalServer, 'address' | 'ended' | 'stop'>;

async function temporalFor({ env, cwd, out }: Surroundings, { port, uiPort, database }: Options): Promise<RunningTemporal> {
  const found = await resolveTemporal({ env, beforeDownload: out });
  if (found.kind === 'running') {
    out(`Temporal: ${found.address} (TEMPORAL_ADDRESS)`);
    return { address: found.address, ended: new Promise(() => undefined), stop: () => Promise.resolve() };
  }
  const server = await startTemporalServer({ binary: found.path, port, uiPort, databaseFile: resolve(cwd, database) });
  out(`Temporal: ${server.address} (${found.from}: ${found.path}), UI: ${server.uiUrl}`);
  return server;
}
