/**
 * What the workflow says of itself, read from its history. The one place that knows the shape of the product's payloads,
 * and tolerant of it: a name that changes is to be added here, and an answer that cannot be read is `undefined`, about
 * which the rules complain, never a guess.
 */
import { asRecord, decodePayloads, type HistoryEvent, type WorkflowHistory } from '../harness/workflow-history.js';

export interface ReportedResult {
  /** promoted, rolled-back, frozen, refused, or what else it says. */
  readonly outcome: string;
  /** The slot, revision or release that it says everybody is on; undefined if it names none. */
  readonly serving: string | undefined;
  readonly candidateBp: number | undefined;
  /** Its first line for people, if it has one. */
  readonly headline: string | undefined;
  /** When the workflow closed, by Temporal's clock. */
  readonly at: number;
}

/** Undefined while the workflow runs, and for one that was terminated, failed, or completed without an outcome. */
export function reportedResult(chain: readonly WorkflowHistory[]): ReportedResult | undefined {
  const event = chain.at(-1)?.events.find((candidate) => candidate.type === 'WORKFLOW_EXECUTION_COMPLETED');
  if (event === undefined) return undefined;
  const result = asRecord(decodePayloads(event.attributes['result'])[0]);
  const outcome = kindOf(result['outcome']);
  if (outcome === undefined) return undefined;
  const serving = result['serving'] ?? result['stable'];
  const revision = asRecord(serving);
  const names = [revision['slot'], revision['id'], revision['revision'], revision['release'], serving];
  const candidateBp = result['candidateBp'];
  return {
    outcome,
    serving: names.find((name) => typeof name === 'string'),
    candidateBp: typeof candidateBp === 'number' ? candidateBp : undefined,
    headline: typeof result['headline'] === 'string' ? result['headline'] : undefined,
    at: event.at,
  };
}

/** True if the workflow has closed, in whatever way. Continuing as new is no end. */
export function isClosed(chain: readonly WorkflowHistory[]): boolean {
  const closing = /^WORKFLOW_EXECUTION_(COMPLETED|FAILED|TIMED_OUT|CANCELED|TERMINATED)$/;
  return chain.at(-1)?.events.some((event) => closing.test(event.type)) ?? false;
}

const SUPERVISING = ['superviseRamp'];
const FAILING = ['fail', 'failed', 'failing'];
const PASSING = ['pass', 'passed'];

/** Moments at which supervision returned, and whether its gates passed, failed or neither. */
export function judgements(
  chain: readonly WorkflowHistory[],
): { readonly at: number; readonly verdict: 'pass' | 'fail' | 'neither' }[] {
  return supervisions(chain).map(({ at, result }) => ({
    at,
    verdict: isFailing(result) ? 'fail' : isPassing(result) ? 'pass' : 'neither',
  }));
}

/** Moments at which supervision returned a failing judgement: the last at which the judge can have known. */
export function failingJudgements(chain: readonly WorkflowHistory[]): number[] {
  return judgements(chain)
    .filter(({ verdict }) => verdict === 'fail')
    .map(({ at }) => at);
}

/** Moments at which a human's message of this name reached the workflow, as a Signal or an Update. */
export function messages(chain: readonly WorkflowHistory[], name: string): number[] {
  return chain.flatMap((run) => run.events.filter((event) => messageName(event) === name).map((event) => event.at));
}

function supervisions(chain: readonly WorkflowHistory[]): { readonly at: number; readonly result: unknown }[] {
  return chain.flatMap((run) => {
    const scheduled = new Set(run.events.filter(isSupervision).map((event) => String(event.id)));
    return run.events
      .filter((event) => event.type === 'ACTIVITY_TASK_COMPLETED' && scheduled.has(String(event.attributes['scheduledEventId'])))
      .map((event) => ({ at: event.at, result: decodePayloads(event.attributes['result'])[0] }));
  });
}

function isSupervision(event: HistoryEvent): boolean {
  return (
    event.type === 'ACTIVITY_TASK_SCHEDULED' && SUPERVISING.includes(String(asRecord(event.attributes['activityType'])['name']))
  );
}

/** Only the result's own words count: evidence inside it may hold older verdicts of other gates. */
function isFailing(result: unknown): boolean {
  return says(result, FAILING);
}

/** An interrupted supervision carries its last judgement, and an advance may rest on that. */
function isPassing(result: unknown): boolean {
  return says(result, PASSING) || says(asRecord(result)['judgement'], PASSING);
}

function says(result: unknown, wanted: readonly string[]): boolean {
  const words = [kindOf(result), kindOf(asRecord(result)['verdict']), kindOf(asRecord(result)['outcome'])];
  return words.some((word) => word !== undefined && wanted.includes(word));
}

function messageName(event: HistoryEvent): string | undefined {
  if (event.type === 'WORKFLOW_EXECUTION_SIGNALED') return kindOf(event.attributes['signalName']);
  const request = asRecord(event.attributes['acceptedRequest'] ?? event.attributes['request']);
  return kindOf(asRecord(request['input'])['name']);
}

/** The word itself, or the `kind` of a union. */
function kindOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const { kind } = asRecord(value);
  return typeof kind === 'string' ? kind : undefined;
}
