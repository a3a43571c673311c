/** approve, pause, resume, abort, retry, skip, promote and acknowledge differ in their name and in nothing else. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { TemporalProblem, type SendOutcome } from '../../client/index.js';
import { MESSAGE_KINDS, type MessageKind } from '../../domain/messages.js';
import type { Target } from '../../domain/words.js';
import { exitOfMessage, type ExitCode } from '../exit-codes.js';
import { fail } from '../failure.js';
import {
  targetOf,
  withFormat,
  withPlace,
  withTarget,
  type FormatOptions,
  type PlaceOptions,
  type TargetOptions,
} from '../options.js';
import type { Run } from '../program.js';
import { noRollout } from '../render/screen.js';
import { report } from '../report.js';
import { senderOf, withClient } from '../session.js';
import type { Surroundings } from '../surroundings.js';

const MEANINGS: Record<MessageKind, string> = {
  approve: 'approve the step that waits for it',
  pause: 'hold at the weight; the gates go on and still roll back',
  resume: 'end a pause',
  abort: 'everybody back to stable, at once, whatever the phase',
  retry: 'a new ramp for a rollout that is frozen, schema-held or cooling off',
  skip: 'to the next step now; the gates keep their right to roll back',
  promote: 'to 100 % now, then a normal bake',
  acknowledge: 'stop the reminders, keep the hold',
};

interface Options extends PlaceOptions, FormatOptions, TargetOptions {
  readonly by?: string;
  readonly reason: string;
  readonly requestId?: string;
}

export function messageCommands(program: Command, run: Run): void {
  for (const kind of MESSAGE_KINDS) {
    const command = withTarget(program.command(kind).description(MEANINGS[kind]))
      .option('--reason <text>', 'why; it stands on the timeline', '')
      .option('--by <name>', 'who says so (SLUICE_BY, the pipeline’s user, the login)')
      .option('--request-id <id>', 'the same id is applied once, however often it is sent');
    withFormat(withPlace(command)).action((service: string, options: Options) =>
      run((surroundings) => send(surroundings, kind, targetOf(service, options), options)),
    );
  }
}

async function send(surroundings: Surroundings, kind: MessageKind, target: Target, options: Options): Promise<ExitCode> {
  const { name: by } = senderOf(surroundings, options.by);
  const body = { by, reason: options.reason, requestId: options.requestId ?? randomUUID() };
  try {
    const outcome = await withClient(surroundings, options, (client) => client.send(kind, target, body));
    return report(surroundings, options.output, {
      exit: exitOfMessage(outcome),
      failed: outcome.kind !== 'accepted' && outcome.kind !== 'recorded',
      lines: [said(kind, outcome, target)],
      value: { ...target, message: kind, ...plainOf(outcome) },
    });
  } catch (error) {
    // Whoever aborts is in a hurry, and starting a Temporal is not what helps.
    if (kind !== 'abort' || !(error instanceof TemporalProblem) || error.kind !== 'unreachable') throw error;
    throw fail(
      `${error.message}; without Temporal users return to stable by the router's lease, or at once by hand: sluice doctor --service ${target.service} shows how`,
    );
  }
}

function said(kind: MessageKind, outcome: SendOutcome, target: Target): string {
  switch (outcome.kind) {
    case 'accepted':
    case 'recorded':
      return `${kind}: ${outcome.text}`;
    case 'refused':
    case 'closed':
      return `${kind} refused: ${outcome.reason}`;
    case 'none':
      return noRollout(target);
  }
}

function plainOf(outcome: SendOutcome): Readonly<Record<string, string>> {
  return {
    answer: outcome.kind,
    ...('text' in outcome ? { text: outcome.text } : {}),
    ...('reason' in outcome ? { reason: outcome.reason } : {}),
  };
}
