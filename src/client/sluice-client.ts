import type { RolloutInput } from '../contract/rollout.js';
import type { MessageKind } from '../domain/messages.js';
import type { RolloutPlan } from '../domain/plan.js';
import type { Actor, Target } from '../domain/words.js';
import { abortRollout } from './abort.js';
import type { Execution } from './execution.js';
import { inputOf } from './history.js';
import { listRollouts, type ListFilter } from './list.js';
import { lastPromotion, rollbackPlan, stopKeeper, type LastPromotion } from './promotion.js';
import { fetchHistories, recordedRollout, type RecordedRollout } from './recorded.js';
import { resultOf, type ResultOutcome } from './result.js';
import { sendMessage, type SendOptions, type SendOutcome, type SentBody } from './send.js';
import { serverClock, type ClockOffset } from './server-clock.js';
import { startRollout, type StartOptions, type StartOutcome } from './start.js';
import { statusOf, type StatusOutcome } from './status.js';
import { connect, type ConnectOptions, type Temporal } from './temporal.js';
import { watch, type Sighting, type WatchOptions } from './watch.js';
import { seeWorkers, type WorkersSeen } from './workers.js';

export type RollbackOutcome =
  { readonly kind: 'begun'; readonly plan: RolloutPlan; readonly start: StartOutcome } | Extract<LastPromotion, { kind: 'none' }>;

/**
 * Rollouts for pipelines and programs: everything the command line does. What a caller can foresee comes back as a value;
 * a `TemporalProblem` is thrown where Temporal itself does not answer.
 */
export class SluiceClient {
  private constructor(readonly temporal: Temporal) {}

  static async connect(options: ConnectOptions): Promise<SluiceClient> {
    return new SluiceClient(await connect(options));
  }

  async close(): Promise<void> {
    await this.temporal.connection.close();
  }

  start(plan: RolloutPlan, options: StartOptions): Promise<StartOutcome> {
    return startRollout(this.temporal, plan, options);
  }

  status(target: Target, options?: { readonly withinMs?: number }): Promise<StatusOutcome> {
    return statusOf(this.temporal, target, options);
  }

  watch(target: Target, options?: WatchOptions): AsyncIterable<Sighting> {
    return watch(this.temporal, target, options);
  }

  result(target: Target, options?: { readonly signal?: AbortSignal }): Promise<ResultOutcome> {
    return resultOf(this.temporal, target, options);
  }

  list(filter?: ListFilter): Promise<readonly Execution[]> {
    return listRollouts(this.temporal, filter);
  }

  send(kind: MessageKind, target: Target, body: SentBody, options?: SendOptions): Promise<SendOutcome> {
    return kind === 'abort'
      ? abortRollout(this.temporal, target, body, options)
      : sendMessage(this.temporal, kind, target, body, options);
  }

  /** After a promotion: the previous revision back at once (A26). `digestOf` is the spec's, which this module may not import. */
  async rollback(
    target: Target,
    options: { readonly starter: Actor; readonly digestOf: (plan: Omit<RolloutPlan, 'digest'>) => string },
  ): Promise<RollbackOutcome> {
    const last = await lastPromotion(this.temporal, target);
    if (last.kind === 'none') return last;
    const undigested = rollbackPlan(last);
    const plan = { ...undigested, digest: options.digestOf(undigested) };
    const start = await this.start(plan, { starter: options.starter, again: true });
    if (start.kind === 'started') await stopKeeper(this.temporal, target);
    return { kind: 'begun', plan, start };
  }

  /** The plan and the starter of a run; undefined where they cannot be read. */
  input(execution: Execution): Promise<RolloutInput | undefined> {
    return inputOf(this.temporal, execution);
  }

  /** What was judged, and on what, in a rollout by its workflow id; undefined where it is no rollout's. */
  async recorded(workflowId: string, runId?: string): Promise<RecordedRollout | undefined> {
    return recordedRollout(await fetchHistories(this.temporal, workflowId, runId), this.temporal.keys);
  }

  workers(): Promise<WorkersSeen> {
    return seeWorkers(this.temporal);
  }

  clock(): Promise<ClockOffset | undefined> {
    return serverClock(this.temporal);
  }
}
