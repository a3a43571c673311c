import { percent } from '../../domain/telling.js';
import type { GateVerdict } from '../../domain/verdict.js';
import type { Difference, End, Entry, Resolution, WhatIf } from '../what-if.js';
import { inWords } from './durations.js';
import { gateLabel, reasonInWords } from './gates.js';
import { table } from './table.js';

/** The steps side by side, where the gates differ, what was looked at, and what would have happened. */
export function whatIfLines({ entries, resolution, text }: WhatIf): readonly string[] {
  const differences = entries.flatMap((entry) => entry.differences.map((difference) => differenceRow(entry, difference)));
  return [
    ...table([
      ['ramp', 'step', 'weight', 'recorded', 'now'],
      ...entries.map(({ ramp, step, weightBp, then, now }) => [
        String(ramp),
        String(step),
        percent(weightBp),
        end(then),
        now === undefined ? 'no step of this weight' : end(now),
      ]),
    ]),
    '',
    ...(differences.length === 0
      ? ['no gate says anything else']
      : table([['ramp', 'step', 'after', 'gate', 'recorded', 'now'], ...differences])),
    '',
    ...resolutionLines(resolution),
    text,
  ];
}

const end = ({ verdict, afterMs }: End): string => `${verdict} after ${inWords(afterMs)}`;

const differenceRow = ({ ramp, step }: Entry, { gate, afterMs, then, now }: Difference): readonly string[] => [
  String(ramp),
  String(step),
  inWords(afterMs),
  gateLabel(gate),
  said(then),
  said(now),
];

const said = (gate: GateVerdict | undefined): string =>
  gate === undefined ? 'not judged' : `${gate.verdict}: ${reasonInWords(gate.reason)}${gate.decisive ? '' : ' (observed)'}`;

function resolutionLines({ moments, heartbeats, longestGapMs, asRecorded, notRecorded }: Resolution): readonly string[] {
  const beats = heartbeats === 0 ? '' : `, ${heartbeats} of them heartbeats of lost workers`;
  return [
    `looked at ${moments} recorded moments${beats}, up to ${inWords(longestGapMs)} of soak apart; a failure between two is seen at the later one`,
    ...(asRecorded.length === 0
      ? []
      : [`as recorded, since the record holds too little to judge again: ${asRecorded.map(gateLabel).join(', ')}`]),
    ...(notRecorded.length === 0 ? [] : [`not judged, since nothing was recorded: ${notRecorded.map(gateLabel).join(', ')}`]),
  ];
}
