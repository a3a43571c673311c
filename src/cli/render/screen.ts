import type { Sighting } from '../../client/index.js';
import type { Outcome } from '../../domain/outcome.js';
import type { Target } from '../../domain/words.js';
import { actions } from './actions.js';
import { blockedBy } from './blocked.js';
import { gateRow } from './gates.js';
import { header, judgementOf } from './header.js';
import { table } from './table.js';
import type { Paint } from './text.js';
import type { View } from './view.js';

/** All there is to see of a rollout now (design.md §6 "What `watch` shows"), line by line. */
export function screen(sighting: Sighting, target: Target, view: View): readonly string[] {
  const name = `${target.service} ${target.environment}`;
  switch (sighting.kind) {
    case 'open':
      return openScreen(sighting, view);
    case 'closed':
      return outcomeLines(sighting.outcome, view.paint);
    case 'silent':
      if (sighting.locked === true) return [`${name}: ${LOCKED}`, ...lastKnown(sighting.execution.headline)];
      return [`${name}: no worker answers`, ...lastKnown(sighting.execution.headline), 'start a worker: sluice worker'];
    case 'broken':
      return [`${name}: ended without an outcome: ${sighting.text}`, ...lastKnown(sighting.execution.headline)];
    case 'none':
      return [noRollout(target)];
    case 'unreachable':
      return [sighting.text];
  }
}

/** No key for what the worker answered. */
export const LOCKED =
  'its status is encrypted with a key that is not here; give the configuration whose temporal.encryption has it (--config)';

const lastKnown = (headline: string | undefined): readonly string[] =>
  headline === undefined ? [] : [`last known: ${headline}`];

export const noRollout = ({ service, environment }: Target): string =>
  `no rollout of "${service}" in "${environment}" is known; see what there is with "sluice list --all"`;

/** Phases whose figures say little: the headline says it all. */
const TOLD_BY_HEADLINE: readonly string[] = [
  'rolling-back',
  'cooling-off',
  'frozen',
  'schema-held',
  'finalising',
  'draining',
  'closed',
];

function openScreen(open: Extract<Sighting, { kind: 'open' }>, view: View): readonly string[] {
  const { status } = open;
  const gates = judgementOf(open)?.gates ?? [];
  const rows =
    gates.length === 0 ? [] : table([['', 'stable', 'candidate', 'verdict'], ...gates.map((gate) => gateRow(gate, view.paint))]);
  const lines = [
    header(open, view),
    ...(TOLD_BY_HEADLINE.includes(status.phase) ? [status.headline] : []),
    ...rows,
    blockedBy(status),
    actions(status),
  ];
  return lines.filter((line) => line !== undefined && line !== '') as readonly string[];
}

/** A closed rollout: the headline first, then what a person asks next. */
export function outcomeLines(
  { headline, outcome, serving, findings, gatesInForce, gatesNotJudged }: Outcome,
  paint: Paint,
): readonly string[] {
  return [
    paint(outcome === 'promoted' ? 'green' : 'red', headline),
    ...(serving === undefined
      ? []
      : [`serving everybody: ${serving.id}${serving.release === '' ? '' : ` (${serving.release})`}`]),
    ...(gatesInForce.length === 0
      ? []
      : [`gates: ${gatesInForce.join(', ')}${gatesNotJudged.length === 0 ? '' : `; not judged: ${gatesNotJudged.join(', ')}`}`]),
    ...findings.map((finding) => paint('yellow', `finding: ${finding}`)),
  ];
}
