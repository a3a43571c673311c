/** What a command that followed a rollout says at the end, and with which exit code. */
import type { Sighting } from '../client/index.js';
import type { Outcome } from '../domain/outcome.js';
import type { Target } from '../domain/words.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { Followed } from './follow.js';
import { gateLabel, measured, verdictInWords } from './render/gates.js';
import { judgementOf } from './render/header.js';
import { noRollout, outcomeLines } from './render/screen.js';
import { plain, type Paint } from './render/text.js';
import { timelineLines } from './render/timeline.js';
import type { Report } from './report.js';

export function endingOf(followed: Followed, target: Target, paint: Paint = plain): Report {
  const { last } = followed;
  const exit = exitOf(followed);
  const lines = conclusion(followed, target, paint);
  return { exit, lines, failed: exit === EXIT.error, value: valueOf(last, target), summary: summaryOf(last, lines) };
}

function exitOf(followed: Followed): ExitCode {
  switch (followed.kind) {
    case 'settled':
      return followed.exit;
    case 'lost':
      return EXIT.error;
    case 'timed-out':
    case 'interrupted':
      return EXIT.detached;
  }
}

function conclusion(followed: Followed, target: Target, paint: Paint): readonly string[] {
  const { last } = followed;
  const status = `sluice status ${target.service} --env ${target.environment}`;
  switch (followed.kind) {
    case 'timed-out':
      return [`time is up; the rollout goes on: ${status}`];
    case 'interrupted':
      return [`detached; the rollout goes on: ${status}`];
    case 'lost':
      return [`Temporal has not answered for five minutes; the rollout may go on without us: ${status}`];
    case 'settled':
      if (last?.kind === 'closed') return outcomeLines(last.outcome, paint);
      if (last?.kind === 'broken') return [`${target.service} ${target.environment}: ended without an outcome: ${last.text}`];
      if (last?.kind === 'open')
        return [followed.exit === EXIT.held ? `waits for a human: ${last.status.headline}` : last.status.headline];
      return [noRollout(target)];
  }
}

/** Plain fields first: they are the outputs of a GitHub step. */
export function valueOf(last: Sighting | undefined, target: Target): Report['value'] {
  const common = { ...target, state: last?.kind ?? 'unknown' };
  switch (last?.kind) {
    case 'open': {
      const { release, phase, step, steps, weightBp, headline } = last.status;
      return { ...common, release, phase, step, steps, weightBp, headline, status: last.status };
    }
    case 'closed':
      return { ...common, ...valueOfOutcome(last.outcome) };
    case 'silent':
    case 'broken':
      return {
        ...common,
        ...(last.execution.release === undefined ? {} : { release: last.execution.release }),
        ...(last.execution.headline === undefined ? {} : { headline: last.execution.headline }),
        ...(last.kind === 'broken' ? { reason: last.text } : {}),
      };
    case 'unreachable':
      return { ...common, reason: last.text };
    default:
      return common;
  }
}

export function valueOfOutcome(result: Outcome): Report['value'] {
  const { release, outcome, headline } = result;
  return { release, outcome, headline, result };
}

const TIMELINE_SHOWN = 30;

/** Markdown for a GitHub step. */
function summaryOf(last: Sighting | undefined, lines: readonly string[]): string {
  if (last?.kind !== 'open' && last?.kind !== 'closed') return ['```', ...lines, '```'].join('\n');
  const timeline = last.kind === 'open' ? last.status.timeline : last.outcome.timeline;
  const gates = last.kind === 'open' ? (judgementOf(last)?.gates ?? []) : [];
  const rows = gates.map((gate) => {
    const { stable, candidate } = measured(gate);
    return `| ${[gateLabel(gate.gate), stable, candidate, verdictInWords(gate)].join(' | ')} |`;
  });
  return [
    `### ${last.kind === 'open' ? last.status.headline : last.outcome.headline}`,
    ...(last.kind === 'closed'
      ? [
          '',
          ...outcomeLines(last.outcome, plain)
            .slice(1)
            .map((line) => `- ${line}`),
        ]
      : []),
    ...(rows.length === 0 ? [] : ['', '| gate | stable | candidate | verdict |', '|---|---|---|---|', ...rows]),
    '',
    '```',
    ...timelineLines(timeline.slice(-TIMELINE_SHOWN)),
    '```',
  ].join('\n');
}
