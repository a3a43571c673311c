import { randomUUID } from 'node:crypto';
import { Option, type Command } from 'commander';
import type { SluiceClient, StartOutcome } from '../../client/index.js';
import type { RolloutPlan } from '../../domain/plan.js';
import { endingOf, valueOf, valueOfOutcome } from '../ending.js';
import { EXIT, exitOfMessage, exitOfOutcome, type ExitCode, type Goal } from '../exit-codes.js';
import { DEFAULT_ROLLOUT, loadPlan } from '../files.js';
import { follow, type Followed } from '../follow.js';
import { collect, durationArgument, withFormat, withPlace, type FormatOptions, type PlaceOptions } from '../options.js';
import type { Run } from '../program.js';
import { report, type Report } from '../report.js';
import { keysOf, senderOf, withClient } from '../session.js';
import { paintOf, type Surroundings } from '../surroundings.js';
import { inWords } from '../render/durations.js';

interface StartCommandOptions extends PlaceOptions, FormatOptions, WaitOptions {
  readonly set: readonly string[];
  readonly supersede?: boolean;
  readonly again?: boolean;
  readonly by?: string;
}

export interface WaitOptions {
  readonly wait?: boolean;
  readonly waitUntil?: 'baking' | 'promoted';
  readonly watch?: boolean;
  readonly timeout?: number;
  readonly onTimeout: 'detach' | 'abort';
}

export function startCommand(program: Command, run: Run): void {
  const command = program
    .command('start')
    .description('start a rollout; a repeated start of the same plan attaches to it')
    .argument('[file]', 'the rollout', DEFAULT_ROLLOUT)
    .option('--set <path=value>', 'over the file, as drain.min=90s; may be repeated', collect, [])
    .option('--supersede', 'abort an open rollout of another plan first, and wait until it has closed')
    .option('--again', 'start although the same plan has been promoted already')
    .option('--by <name>', 'who starts (SLUICE_BY, the pipeline’s user, the login)');
  withWait(withFormat(withPlace(command))).action((file: string, options: StartCommandOptions) =>
    run((surroundings) => start(surroundings, file, options)),
  );
}

/** Waiting is watching: a wait that ends, however it ends, leaves the rollout alone unless `--on-timeout abort` says otherwise. */
function withWait(command: Command): Command {
  const waiting = command
    .option('--wait', 'wait until it is promoted, has failed, or holds for a human')
    .addOption(new Option('--wait-until <milestone>', 'wait for less').choices(['baking', 'promoted']))
    .option('--watch', 'show it until it has closed');
  return withTimeout(waiting);
}

export function withTimeout(command: Command): Command {
  return command
    .option('--timeout <duration>', 'wait no longer than this', durationArgument)
    .addOption(new Option('--on-timeout <what>', 'what then').choices(['detach', 'abort']).default('detach'));
}

async function start(surroundings: Surroundings, file: string, options: StartCommandOptions): Promise<ExitCode> {
  const { plan, platform } = loadPlan(surroundings, { file, config: options.config, set: options.set });
  // With an address given, the session goes on without keys; a plan never does.
  keysOf(surroundings, platform);
  return withClient(surroundings, options, async (client) => {
    const outcome = await client.start(plan, {
      starter: senderOf(surroundings, options.by),
      limit: platform.limits.rollouts,
      ...(options.supersede === true ? { supersede: true, signal: surroundings.interrupted() } : {}),
      onSupersede: ({ headline = 'the open rollout' }) => {
        if (options.output !== 'json') surroundings.out(`aborting what is open, and waiting until it has closed: ${headline}`);
      },
      ...(options.again === true ? { again: true } : {}),
    });
    return continueFrom(client, surroundings, { plan, outcome, goal: goalOf(options) }, options);
  });
}

export interface Begun {
  readonly plan: RolloutPlan;
  readonly outcome: StartOutcome;
  /** Undefined: nobody waits. */
  readonly goal: Goal | undefined;
}

/** Says how the start went, and follows what was started as far as somebody waits for it. */
export async function continueFrom(
  client: SluiceClient,
  surroundings: Surroundings,
  { plan, outcome, goal }: Begun,
  options: WaitOptions & FormatOptions & { readonly by?: string },
): Promise<ExitCode> {
  const begun = beginning(plan, outcome);
  if ((outcome.kind !== 'started' && outcome.kind !== 'attached') || goal === undefined)
    return report(surroundings, options.output, begun);
  if (options.output !== 'json') for (const line of begun.lines) surroundings.out(line);
  const followed = await follow(client, surroundings, plan.target, {
    goal,
    format: options.output,
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
  });
  return report(surroundings, options.output, await ended(client, surroundings, plan, followed, options));
}

function beginning({ target, candidate, steps }: RolloutPlan, outcome: StartOutcome): Report {
  const name = `${target.service} ${target.environment}`;
  const common = { ...target, release: candidate.release, start: outcome.kind };
  switch (outcome.kind) {
    case 'started':
      return {
        exit: EXIT.ok,
        lines: [
          `started ${outcome.workflowId}: ${candidate.release} → ${candidate.id}, ${steps.length} steps`,
          `follow it: sluice watch ${target.service} --env ${target.environment}`,
        ],
        value: { ...common, rollout: outcome.workflowId, run: outcome.runId },
      };
    case 'attached':
      return {
        exit: EXIT.ok,
        lines: [`${name}: this very plan runs already; attached to ${outcome.execution.workflowId}`],
        value: { ...common, rollout: outcome.execution.workflowId, run: outcome.execution.runId },
      };
    case 'already-promoted':
      return {
        exit: exitOfOutcome(outcome.outcome.outcome),
        lines: [`${name}: already promoted: ${outcome.outcome.headline}; start it again with --again`],
        value: { ...common, ...valueOfOutcome(outcome.outcome) },
      };
    case 'refused':
      return {
        exit: EXIT.refused,
        failed: true,
        lines: [`refused: ${outcome.reason}`],
        value: { ...common, reason: outcome.reason },
      };
    case 'no-worker':
      return { exit: EXIT.error, failed: true, lines: [outcome.reason], value: { ...common, reason: outcome.reason } };
  }
}

function goalOf({ wait, waitUntil, watch }: WaitOptions): Goal | undefined {
  if (waitUntil !== undefined) return waitUntil;
  if (wait === true) return 'promoted';
  return watch === true ? 'end' : undefined;
}

async function ended(
  client: SluiceClient,
  surroundings: Surroundings,
  { target }: RolloutPlan,
  followed: Followed,
  options: WaitOptions & { readonly by?: string },
): Promise<Report> {
  if (followed.kind !== 'timed-out' || options.onTimeout !== 'abort') return endingOf(followed, target, paintOf(surroundings));
  const reason = `not done within ${inWords(options.timeout ?? 0)}`;
  const sent = await client.send('abort', target, {
    by: senderOf(surroundings, options.by).name,
    reason,
    requestId: randomUUID(),
  });
  const said = 'text' in sent ? sent.text : 'reason' in sent ? sent.reason : 'there is nothing to abort';
  const value = valueOf(followed.last, target);
  // Confirmed is rolled back; too late or ended meanwhile is what the result says; recorded is nobody's yet.
  if (sent.kind === 'accepted') return { exit: EXIT.rolledBack, lines: [`aborted: ${reason}: ${said}`], value };
  if (sent.kind === 'closed' && sent.outcome !== undefined)
    return { exit: exitOfOutcome(sent.outcome.outcome), lines: [sent.outcome.headline], value };
  return { exit: exitOfMessage(sent), lines: [`abort (${reason}): ${said}`], value };
}
