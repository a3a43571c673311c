import type { Sighting } from '../../client/index.js';
import type { TimelineEntry } from '../../domain/timeline.js';
import { percent } from '../../domain/telling.js';
import type { GateVerdict } from '../../domain/verdict.js';
import type { Target } from '../../domain/words.js';
import { blockedBy } from './blocked.js';
import { timeOfDay } from './durations.js';
import { gateLabel, measured, verdictInWords } from './gates.js';
import { header, judgementOf } from './header.js';
import { screen } from './screen.js';
import { author } from './timeline.js';
import type { View } from './view.js';

type Open = Extract<Sighting, { kind: 'open' }>;

/** What has been shown. The last picture of the rollout outlives a silence, or everything would be told again after it. */
export interface Seen {
  readonly last?: Sighting;
  readonly open?: Open;
}

/** What is new since the last look, one line each: for CI logs and pipes. How it ended is the ending's to say. */
export function changes({ last, open: past }: Seen, now: Sighting, target: Target, view: View): readonly string[] {
  if (now.kind === 'silent' || now.kind === 'unreachable') return last?.kind === now.kind ? [] : screen(now, target, view);
  if (now.kind !== 'open') return unseen(past, now);
  const { status } = now;
  const fresh = newEntries(past?.status.timeline ?? [], status.timeline).map(entryLine);
  const verdicts = newVerdicts(past, now).map(
    (gate) => `${percent(status.weightBp)}  ${gateLabel(gate.gate)}: ${verdictLine(gate)}`,
  );
  const blocked = blockedBy(status);
  const newlyBlocked = blocked !== undefined && blockerKinds(past) !== blockerKinds(now) ? [blocked] : [];
  const moved = past === undefined || past.status.weightBp !== status.weightBp ? [header(now, view)] : [];
  return [...fresh, ...moved, ...verdicts, ...newlyBlocked];
}

/** The timeline's last entries are in the result, and they came with the closing. */
function unseen(past: Open | undefined, now: Sighting): readonly string[] {
  return now.kind === 'closed' ? newEntries(past?.status.timeline ?? [], now.outcome.timeline).map(entryLine) : [];
}

const entryLine = (entry: TimelineEntry): string =>
  `${timeOfDay(entry.at)}  ${percent(entry.weightBp)}  ${author(entry)}: ${entry.what}`;

/** The timeline keeps the last 200, so a place in the list is no identity: entries are recognised by what they are. */
function newEntries(before: readonly TimelineEntry[], now: readonly TimelineEntry[]): readonly TimelineEntry[] {
  const known = new Set(before.map((entry) => JSON.stringify(entry)));
  return now.filter((entry) => !known.has(JSON.stringify(entry)));
}

function newVerdicts(before: Open | undefined, now: Open): readonly GateVerdict[] {
  // A step's first verdicts are news even where they read like the last step's.
  const sameStep = before?.status.step === now.status.step;
  const known = sameStep ? (judgementOf(before)?.gates ?? []) : [];
  return (judgementOf(now)?.gates ?? []).filter(
    (gate) =>
      !isSoaking(gate) && !known.some((other) => other.gate === gate.gate && other.verdict === gate.verdict && !isSoaking(other)),
  );
}

/** That a step soaks is said by its blocker, once for all gates. */
const isSoaking = ({ reason }: GateVerdict): boolean => reason === 'soaking';

function verdictLine(gate: GateVerdict): string {
  const { stable, candidate } = measured(gate);
  return `${verdictInWords(gate)} (stable ${stable}, candidate ${candidate})`;
}

const blockerKinds = (open: Open | undefined): string => open?.status.blockers.map(({ kind }) => kind).join() ?? '';
