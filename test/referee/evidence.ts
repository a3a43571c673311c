/**
 * What the referee may look at, and what a test must tell it. It imports nothing from `src/`: a mistake that the product
 * and its own view of itself share would go unseen.
 */
import type { AccessLine } from '../harness/access-log.js';
import type { RouteSnapshot } from '../harness/route-snapshot.js';
import type { ServiceReport } from '../harness/service.js';
import type { RecordedCommand } from '../harness/socket-recorder.js';
import type { WorkflowHistory } from '../harness/workflow-history.js';

export interface Evidence {
  /** HAProxy's access log, in the order of arrival. */
  readonly lines: readonly AccessLine[];
  /** Lines that could not be read. */
  readonly garbled: readonly string[];
  /** Lines that never reached the record, as the kernel and HAProxy counted them. */
  readonly lost?: number;
  /** What the control endpoint said, in order; the last one after the workflow had closed and everything was at rest. */
  readonly snapshots: readonly RouteSnapshot[];
  /** Of all recorders together. */
  readonly commands: readonly RecordedCommand[];
  /** One chain of runs per rollout, oldest first (`TemporalAccess.showChain`). */
  readonly rollouts: readonly (readonly WorkflowHistory[])[];
  /** By slot, taken at rest. A service that was started again counts from 0. */
  readonly services: Readonly<Record<string, Pick<ServiceReport, 'counts' | 'streams'>>>;
  readonly exits: readonly CliExit[];
}

export interface CliExit {
  /** Without the program: `['start', '-f', 'rollout.yaml', '--wait']`. */
  readonly arguments: readonly string[];
  /** Null when a signal ended it: then it said nothing. */
  readonly code: number | null;
  readonly at: number;
}

/** What the test arranged, which no record of the run can say. */
export interface Circumstances {
  readonly service: string;
  /** The ladder in basis points, the last one 10,000. */
  readonly stepsBp: readonly number[];
  /** The shortest soak that any plan in the record has, in milliseconds; absent: not looked at. */
  readonly soakMs?: number;
  /** Further ladders in the same record, of releases as a ramp's id spells them: `sluice rollback` has the one step 10,000. */
  readonly otherLadders?: readonly { readonly release: string; readonly stepsBp: readonly number[] }[];
  /** The plan says `accept-on-probes`: a step may be left without a pass (I3). */
  readonly acceptsOnProbes?: boolean;
  /** The slot that was stable before anything began. */
  readonly stableAtStart: string;
  /** Slot by revision or release id, where the workflow's result names those. A slot's own name needs no entry. */
  readonly slotOf?: Readonly<Record<string, string>>;
  /** What was killed or stalled on purpose. Nothing else excuses anything. */
  readonly disturbances?: readonly Disturbance[];
}

export interface Disturbance {
  /**
   * `proxy`: HAProxy killed. `reload`: HAProxy reloaded, which excuses no failed request and no cut stream. `slot`: a revision
   * killed. `worker`: killed or stalled. `temporal`: the server killed.
   */
  readonly what: 'proxy' | 'reload' | 'slot' | 'worker' | 'temporal';
  /** For `slot`: which. */
  readonly slot?: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  /** When it was well again, with the time that the proxy's health checks take to notice. For ever if left out. */
  readonly to?: number;
}

export interface Finding {
  /** `I2`, `R16`, … */
  readonly rule: string;
  /** A sentence: what was seen, against what should be. */
  readonly what: string;
  /** When, if it has a moment. */
  readonly at?: number;
}

/**
 * How far a line's `at` may lie before the true moment: each of HAProxy's threads reads the clock once a round. It never lies
 * after it. So "after an answer" is exact, and "before the next write" needs this much room.
 */
export const CLOCK_LAG_MS = 50;

/** One rule: reads the record, returns what breaks it. */
export type Rule = (evidence: Evidence, circumstances: Circumstances) => readonly Finding[];

/** True if something was disturbed on purpose at any time from `from` to `to`. */
export function isDisturbed(
  circumstances: Circumstances,
  what: readonly Disturbance['what'][],
  span: { readonly from: number; readonly to: number; readonly slot?: string },
): boolean {
  return (circumstances.disturbances ?? []).some((disturbance) => {
    if (!what.includes(disturbance.what)) return false;
    if (disturbance.what === 'slot' && span.slot !== undefined && disturbance.slot !== span.slot) return false;
    return disturbance.from <= span.to && (disturbance.to ?? Infinity) >= span.from;
  });
}

/** The service's lines that a pin did not route: users, and stream reconnects. */
export function unpinnedLines(evidence: Evidence, circumstances: Circumstances): readonly AccessLine[] {
  return evidence.lines.filter((line) => line.svc === circumstances.service && line.why !== 'pin');
}

/** HAProxy's processes that were seen up to a moment. One that appears later has only what the map files say. */
export function pidsUntil(evidence: Evidence, at: number): Set<number> {
  return new Set([...evidence.lines, ...evidence.snapshots].filter((seen) => seen.at <= at).map((seen) => seen.pid));
}

/** A long list of equal offences reads worse than the first and their number. */
export function firstOfMany(rule: string, lines: readonly AccessLine[], what: (line: AccessLine) => string): Finding[] {
  const [first] = lines;
  if (first === undefined) return [];
  const more = lines.length === 1 ? '' : ` (and ${String(lines.length - 1)} more)`;
  return [{ rule, at: first.at, what: `${what(first)}${more}` }];
}

export function describeLine(line: AccessLine): string {
  return `slot ${line.slot}, why ${line.why}, gen ${line.gen}, lease ${line.lease}, status ${String(line.st)}, ts ${line.ts}, pid ${String(line.pid)}, at ${String(line.at)}`;
}
