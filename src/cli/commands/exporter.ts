import type { Command } from 'commander';
import { whyNotListening } from '../../worker/listening.js';
import { EXIT } from '../exit-codes.js';
import { fail } from '../failure.js';
import { collect, portArgument } from '../options.js';
import type { Run } from '../program.js';
import { oneLine } from '../render/text.js';
import { untilAborted } from '../until-aborted.js';

interface Options {
  readonly udpPort: number;
  readonly port: number;
  readonly host: string;
  readonly service: readonly string[];
}

export function exporterCommand(program: Command, run: Run): void {
  program
    .command('exporter')
    .description("HAProxy's access log in (UDP), metrics of each revision out")
    .option('--udp-port <port>', 'where HAProxy sends its log (LOG of haproxy.cfg)', portArgument, 5514)
    .option('--port <port>', 'where /metrics is served', portArgument, 9105)
    .option('--host <address>', 'address of both; who can send lines can make up evidence', '127.0.0.1')
    .option('--service <name>', 'its series exist from the start; may be repeated', collect, [])
    .action(({ udpPort, port, host, service }: Options) =>
      run(async ({ out, err, interrupted }) => {
        const { startExporter } = await import('../../dataplane/exporter/exporter.js');
        const onError = (error: Error): void => {
          err(`sluice: ${oneLine(error.message)}`);
        };
        const exporter = await startExporter({
          udpPort,
          httpPort: port,
          host,
          services: service.map((name) => ({ name })),
          onError,
        }).catch((error: unknown) => {
          const why = whyNotListening(error, { port: '--udp-port and --port', host: '--host' });
          throw fail(`the exporter cannot listen on UDP ${host}:${udpPort} and TCP ${host}:${port}: ${oneLine(why)}`);
        });
        const { udp, http } = exporter.addresses;
        out(`exporter: log lines on UDP ${udp.host}:${udp.port}, metrics on ${http.url}`);
        await untilAborted(interrupted());
        await exporter.close();
        return EXIT.ok;
      }),
    );
}
