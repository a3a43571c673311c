import type { Command } from 'commander';
import { startCodecServer } from '../codec-server.js';
import { EXIT } from '../exit-codes.js';
import { fail } from '../failure.js';
import { whyNotListening } from '../../worker/listening.js';
import { DEFAULT_CONFIG, loadPlatform } from '../files.js';
import { originArgument, portArgument } from '../options.js';
import type { Run } from '../program.js';
import { oneLine } from '../render/text.js';
import { keysOf } from '../session.js';
import { untilAborted } from '../until-aborted.js';

interface Options {
  readonly port: number;
  readonly host: string;
  readonly origin: string;
  readonly config: string;
}

export function codecServerCommand(program: Command, run: Run): void {
  program
    .command('codec-server')
    .description("decrypts what Temporal's UI and CLI show, with the keys of temporal.encryption")
    .option('--port <port>', 'where /decode and /encode are served', portArgument, 8081)
    .option('--host <address>', 'address of that port; who reaches it reads every rollout', '127.0.0.1')
    .option('--origin <origin>', 'the one web page that may ask: where the UI is', originArgument, 'http://localhost:8233')
    .option('--config <file>', "the platform's configuration", DEFAULT_CONFIG)
    .action(({ port, host, origin, config }: Options) =>
      run(async (surroundings) => {
        const keys = keysOf(surroundings, loadPlatform(surroundings, config));
        if (keys === undefined)
          throw fail(
            `found no temporal.encryption in ${config}, expected its keyId and key; without them there is nothing to decrypt`,
          );
        const onProblem = (problem: string): void => {
          surroundings.err(`sluice: ${problem}`);
        };
        const server = await startCodecServer({ host, port, origin, keys, onProblem }).catch((error: unknown) => {
          const why = whyNotListening(error, { port: '--port', host: '--host' });
          throw fail(`the codec server cannot listen on ${host}:${port}: ${oneLine(why)}`);
        });
        surroundings.out(`codec server: ${server.url} for ${origin}; in the UI it is the "Remote Codec Endpoint"`);
        await untilAborted(surroundings.interrupted());
        await server.close();
        return EXIT.ok;
      }),
    );
}
