import { InvalidArgumentError, Option, type Command } from 'commander';
import { EVERYBODY } from '../../domain/words.js';
import { parseWeight } from '../../spec/percent.js';
import { isWithin } from '../drill/drilled.js';
import { FAULTS, type Fault } from '../drill/faults.js';
import { EXIT } from '../exit-codes.js';
import { fail } from '../failure.js';
import { DEFAULT_CONFIG, DEFAULT_ROLLOUT } from '../files.js';
import { collect, withFormat, type FormatOptions } from '../options.js';
import type { Run } from '../program.js';
import { drillLines } from '../render/drill.js';
import { report } from '../report.js';

interface Options extends FormatOptions {
  readonly config: string;
  readonly set: readonly string[];
  readonly at: number;
  readonly fault?: readonly Fault[];
  readonly rps: number;
  readonly path: string;
  readonly url?: string;
}

export function drillCommand(program: Command, run: Run): void {
  const command = program
    .command('drill')
    .description('break one thing after the other under a rehearsal, and time how long users stay on the candidate')
    .argument('[file]', 'the rollout', DEFAULT_ROLLOUT)
    .option('--config <file>', "the platform's configuration", DEFAULT_CONFIG)
    .option('--set <path=value>', 'over the rollout, as bucket=30s; may be repeated', collect, [])
    .addOption(new Option('--at <percent>', 'weight at which it breaks').argParser(weightArgument).default(2_500, '25'))
    .addOption(new Option('--fault <fault...>', 'what breaks; all of them unless told').choices(FAULTS))
    .option('--rps <number>', "requests a second of the drill's own users; 0 where the environment has some", usersArgument, 50)
    .option('--path <path>', 'what they ask for', pathArgument, '/')
    .option('--url <url>', "where they arrive (the router's public address)", urlArgument);
  withFormat(command).action((file: string, { at, fault, ...options }: Options) =>
    run(async (surroundings) => {
      // Here, because no other command needs a Temporal, a worker and users of its own.
      const { drill } = await import('../drill/drill.js');
      const say = (line: string): void => {
        if (options.output !== 'json') surroundings.out(line);
      };
      const drilled = await drill(surroundings, { ...options, file, atBp: at, faults: fault ?? [] }, say);
      const { plan, drills, users } = drilled;
      return report(surroundings, options.output, {
        exit: drills.every(isWithin) ? EXIT.ok : EXIT.error,
        lines: ['', ...drillLines(drilled)],
        value: { ...plan.target, release: plan.candidate.release, atBp: at, drills, ...(users === undefined ? {} : { users }) },
      });
    }),
  );
}

/** In basis points. */
function weightArgument(text: string): number {
  const bp = parseWeight(text);
  if (bp === undefined || bp === 0 || bp === EVERYBODY)
    throw new InvalidArgumentError('expected a percentage above 0 and below 100, such as 25');
  return bp;
}

function pathArgument(text: string): string {
  if (!/^\/[!-~]*$/.test(text) || text.includes('#'))
    throw new InvalidArgumentError('expected a path such as /ask?q=hello, as it stands in a request');
  return text;
}

/** Requests of the drill name no user, so that a credential in it would only stand in logs; it is not repeated in the message. */
function urlArgument(text: string): string {
  const url = /^https?:\/\/[^/\\?#]/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  const wanted = 'expected http:// or https:// and a host, such as https://staging.example.com';
  if (url?.username !== undefined && url.username + url.password !== '')
    throw fail(`option '--url <url>' has a user or a password in it; ${wanted}; --help shows what is allowed`);
  if (url === undefined || url.search !== '' || url.hash !== '')
    throw new InvalidArgumentError(`${wanted}; what is asked for there is --path`);
  return text;
}

function usersArgument(text: string): number {
  const number = Number(text);
  if (!/^\d{1,4}$/.test(text) || number > 2_000) throw new InvalidArgumentError('expected 0 to 2000');
  return number;
}
