import type { AccessLine } from '../harness/access-log.js';
import {
  describeLine,
  firstOfMany,
  isDisturbed,
  type Circumstances,
  type Evidence,
  type Finding,
  type Rule,
} from './evidence.js';

/**
 * R16 "Active streams are never killed; each ends on the revision it began on, provably."
 *
 * From the proxy's side: an answer that began (status 200) and did not end whole by the server's or an operator's doing
 * (`SD`, `sD`, `K…`), and not in a slot or proxy that the test killed. From the services' side: a stream that a revision
 * began and could not finish, more of them than clients left (`CD`), was cut. A stream is one answer of one process, so one
 * that was finished was finished where it began.
 */
export const uncutStreams: Rule = (evidence, circumstances) => [
  ...cutByProxy(evidence, circumstances),
  ...Object.keys(evidence.services).flatMap((slot) => unfinished(slot, evidence, circumstances)),
];

function cutByProxy(evidence: Evidence, circumstances: Circumstances): Finding[] {
  const cut = ofService(evidence, circumstances).filter(
    (line) => line.st === 200 && isCut(line) && !isExcused(line, circumstances),
  );
  return firstOfMany('R16', cut, (line) => `an answer was cut: ${describeLine(line)}`);
}

function unfinished(slot: string, evidence: Evidence, circumstances: Circumstances): Finding[] {
  const streams = evidence.services[slot]?.streams ?? [];
  const broken = streams.filter((stream) => {
    const span = { from: stream.startedAt, to: stream.endedAt ?? Infinity, slot };
    return !stream.finished && !isDisturbed(circumstances, ['proxy', 'slot'], span);
  });
  const left = ofService(evidence, circumstances).filter(
    (line) => line.slot === slot && (line.ts.startsWith('C') || isCut(line)),
  );
  const [first] = broken;
  if (first === undefined || broken.length <= left.length) return [];
  const what = `slot ${slot} could not finish ${String(broken.length)} of its ${String(streams.length)} streams, but only ${String(left.length)} lines tell of a client that left or of a cut`;
  return [{ rule: 'R16', at: first.startedAt, what }];
}

function ofService(evidence: Evidence, circumstances: Circumstances): readonly AccessLine[] {
  return evidence.lines.filter((line) => line.svc === circumstances.service);
}

/** `S`, `s`: the server ended or fell silent in the middle; `K`: an operator; `L`, `P`, `R`: the proxy itself. */
function isCut(line: AccessLine): boolean {
  return /^[SsKPRLUDIi]/.test(line.ts);
}

function isExcused(line: AccessLine, circumstances: Circumstances): boolean {
  return isDisturbed(circumstances, ['proxy', 'slot'], { from: line.at, to: line.at + Math.max(line.Ta, 0), slot: line.slot });
}
