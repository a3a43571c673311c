import type { Command } from 'commander';
import type { StatusOutcome } from '../../client/index.js';
import type { TimelineEntry } from '../../domain/timeline.js';
import { EXIT } from '../exit-codes.js';
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
import { LOCKED, noRollout } from '../render/screen.js';
import { timelineLines } from '../render/timeline.js';
import { report } from '../report.js';
import { withClient } from '../session.js';

type Options = PlaceOptions & FormatOptions & TargetOptions;

export function timelineCommand(program: Command, run: Run): void {
  withFormat(
    withPlace(
      withTarget(program.command('timeline').description('every decision of a rollout, with its author and its evidence')),
    ),
  ).action((service: string, options: Options) =>
    run((surroundings) =>
      withClient(surroundings, options, async (client) => {
        const target = targetOf(service, options);
        const status = await client.status(target);
        const timeline = timelineOf(status);
        if (timeline === undefined) throw fail(whyNot(status, () => noRollout(target)));
        return report(surroundings, options.output, {
          exit: EXIT.ok,
          lines: timelineLines(timeline),
          value: { ...target, timeline },
        });
      }),
    ),
  );
}

function timelineOf(status: StatusOutcome): readonly TimelineEntry[] | undefined {
  if (status.kind === 'open') return status.status.timeline;
  return status.kind === 'closed' ? status.outcome.timeline : undefined;
}

function whyNot(status: StatusOutcome, unknown: () => string): string {
  switch (status.kind) {
    case 'silent':
      if (status.locked === true) return LOCKED;
      return (
        'no worker answers, and only a worker knows the timeline of an open rollout; start one with "sluice worker", or read the history: temporal workflow show -w ' +
        status.execution.workflowId
      );
    case 'broken':
      return `the rollout ended without a timeline: ${status.text}; read the history: temporal workflow show -w ${status.execution.workflowId}`;
    default:
      return unknown();
  }
}
