import { dirname, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { startDevEdges } from '../dev/edges.js';
import { fail } from '../failure.js';
import { DEFAULT_CONFIG, loadPlatform } from '../files.js';
import { portArgument } from '../options.js';
import type { Run } from '../program.js';
import type { Surroundings } from '../surroundings.js';
import { resolveTemporal, startTemporalServer, type TemporalServer } from '../dev/temporal-server.js';
import { runWorker } from './worker.js';

interface Options {
  readonly config: string;
  readonly port: number;
  readonly uiPort: number;
  readonly database: string;
  readonly metricsPort: number;
  readonly exporterPort: number;
  readonly logLevel: string;
}

export function devCommand(program: Command, run: Run): void {
  program
    .command('dev')
    .description('a Temporal development server with its UI, a worker, and the edges whose services the configuration names')
    .option('--config <file>', "the platform's configuration", DEFAULT_CONFIG)
    .option('--port <port>', 'of Temporal, unless TEMPORAL_ADDRESS names a running one', portArgument, 7233)
    .option('--ui-port <port>', "of Temporal's UI", portArgument, 8233)
    .option(
      '--database <file>',
      "what a restart of Temporal goes on from; the edges' state lies beside it",
      '.sluice/temporal.db',
    )
    .option('--metrics-port <port>', "of the worker's health and metrics", portArgument, 9464)
    .option('--exporter-port <port>', "of the edges' traffic metrics", portArgument, 9105)
    .addOption(
      new Option('--log-level <level>', "of the worker's log").choices(['debug', 'info', 'warn', 'error']).default('warn'),
    )
    .action((options: Options) =>
      run(async (surroundings) => {
        const config = loadPlatform(surroundings, options.config);
        // From here on Ctrl-C ends what was started, however far it has come.
        const interrupted = surroundings.interrupted();
        const folder = dirname(resolve(surroundings.cwd, options.database));
        const edges = await startDevEdges(surroundings, config, { folder, exporterPort: options.exporterPort });
        let temporal: RunningTemporal | undefined;
        try {
          temporal = await temporalFor(surroundings, options);
          const { address } = temporal;
          const code = await runWorker(surroundings, {
            config,
            temporal: { address },
            http: { host: '127.0.0.1', port: options.metricsPort },
            logLevel: options.logLevel,
            over: temporal.ended,
            whenReady: (url) => {
              surroundings.out(`worker: ready; health and metrics at ${url}`);
            },
          });
          if (!interrupted.aborted)
            throw fail(
              `the Temporal development server at ${address} ended by itself; start "sluice dev" again, its rollouts go on`,
            );
          return code;
        } finally {
          await temporal?.stop();
          await edges.stop();
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
