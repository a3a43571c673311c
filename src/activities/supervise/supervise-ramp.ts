import type { RolloutActivities } from '../../contract/activities.js';
import { TICKS_TO_CHANGE, type Supervise, type SuperviseResult } from '../../domain/effects.js';
import type { Reading } from '../../domain/reading.js';
import type { RouteState } from '../../domain/route.js';
import { combine, type Judgement } from '../../domain/verdict.js';
import type { TrafficRouter } from '../../providers/ports.js';
import type { Renewal, Subject, Tools } from '../dependencies.js';
import { execution, type Execution } from '../execution.js';
import { describeError } from '../failures.js';
import { upTo, within } from '../waiting.js';
import { Alarms } from './alarms.js';
import { conditionOf, extend } from './condition.js';
import { gather, LateCall } from './late-call.js';
import { settledCondition, startingPoint, type Progress } from './progress.js';
import { revokeUntilItHolds } from './revoking.js';
import { lookAt, type RouteLook } from './route-watch.js';
import { refusalsRise } from './schema-refusals.js';
import { sampleOf, Sources } from './sources.js';
import { usersLeave } from './stickiness.js';

type Input = Parameters<RolloutActivities['superviseRamp']>[0];
/** Sources that answer this close together are judged together. */
const ARRIVAL_GRACE_MS = 20;

/** How a bucket ends, without what it has gathered. */
type End = SuperviseResult extends infer Result
  ? Result extends SuperviseResult
    ? Omit<Result, 'evidence' | 'cursors' | 'judgement' | 'condition' | 'alarms'>
    : never
  : never;

/**
 * Watches one step for one bucket. Each tick: read, judge; on a decisive fail revoke at once and then return (R9, I4);
 * otherwise renew the lease, which nobody does who has not judged in this very tick (I14), and heartbeat. Temporal is in the
 * path of neither a detection nor its effect on users. Never throws for what it watches: a router or a source that cannot be
 * reached is a finding, and the lease is the way out.
 */
export function superviseRamp(tools: Tools): RolloutActivities['superviseRamp'] {
  return async (input) => new Supervision(tools, input, execution()).watch();
}

class Supervision {
  readonly #supervise: Supervise;
  readonly #router: TrafficRouter;
  readonly #sources: Sources;
  readonly #alarms: Alarms;
  readonly #route: LateCall<RouteState>;
  readonly #renewal: LateCall<Exclude<Renewal, 'failed'>>;
  readonly #subject: Subject;
  readonly #begun: number;
  /** Time spent by attempts before this one. */
  readonly #spentMs: number;
  /** Ends whatever call is still under way when the bucket ends. */
  readonly #over = new AbortController();
  #progress: Progress;
  #nextTickMs = 0;
  /** In a foreign hold the route counts as foreign until it has been seen to be ours. */
  #look: RouteLook;

  constructor(
    readonly tools: Tools,
    readonly input: Input,
    readonly run: Execution,
  ) {
    const { where, supervise, tickMs } = input;
    const { clock, judge, logger, ports, redact } = tools;
    this.#supervise = supervise;
    this.#subject = { target: where.target, candidate: supervise.candidate };
    this.#progress = startingPoint(supervise, judge, run.resumed);
    this.#begun = clock.monotonicMs();
    this.#spentMs = Math.max(this.#progress.elapsedMs, run.waitedMs);
    const limits = { windowMs: Math.min(tickMs / 2, 2_000), deadlineMs: Math.max(2 * tickMs, 5_000) };
    this.#look =
      supervise.known === 'foreign'
        ? { kind: 'foreign', owner: 'unknown (the route has not been read yet)' }
        : { kind: 'serving' };
    this.#router = ports.router(where.connections.router);
    this.#route = new LateCall(clock, limits);
    this.#renewal = new LateCall(clock, { ...limits, windowMs: Math.min(tickMs / 4, 1_000) });
    const sources = where.connections.metrics.map((name) => [name, ports.metrics(name)] as const);
    this.#sources = new Sources(sources, this.#progress.cursors, {
      target: where.target,
      supervise,
      clock,
      logger,
      redact,
      ...limits,
    });
    const { capacity } = where.connections;
    this.#alarms = new Alarms(supervise, {
      target: where.target,
      capacity: capacity === undefined ? undefined : ports.capacity(capacity),
      clock,
      logger,
      ...limits,
    });
  }

  async watch(): Promise<SuperviseResult> {
    const stop = (): void => {
      this.#over.abort(this.run.signal.reason);
    };
    this.run.signal.addEventListener('abort', stop, { once: true });
    try {
      return await this.#watch();
    } finally {
      this.run.signal.removeEventListener('abort', stop);
      stop();
    }
  }

  async #watch(): Promise<SuperviseResult> {
    // The attempt before had judged, and died before the router took the revocation.
    if (this.#progress.judgement?.verdict === 'fail') return this.#failed();
    for (;;) {
      if (this.run.signal.aborted) return this.#ended({ kind: 'interrupted' });
      if (this.#elapsedMs() >= this.#supervise.bucketMs) return this.#ended({ kind: 'bucket-ended' });
      const end = await this.#tick();
      if (end !== undefined) return end;
      this.#heartbeat();
      if ((await this.#rest()) === 'fail') return this.#failed();
    }
  }

  async #tick(): Promise<SuperviseResult | undefined> {
    const reading = await this.#read();
    if (this.run.signal.aborted) return this.#ended({ kind: 'interrupted' });
    const judgement = this.#judge(reading);
    if (judgement.verdict === 'fail') return this.#failed();
    const difference = refusalsRise(this.#supervise, reading, this.#progress.refusals);
    if (difference !== undefined) {
      await this.#revoke('schema');
      return this.#ended({ kind: 'schema-mismatch', difference });
    }
    const alarming = this.#alarms.look(this.#lookAtRoute());
    const held = this.#supervise.known === 'foreign' && this.#look.kind === 'foreign';
    if (this.#look.kind === 'serving') await this.#renew();
    if (this.#look.kind === 'lost') return this.#ended({ kind: 'lapsed', forMs: this.#look.forMs });
    if (this.#look.kind === 'foreign' && !held) return this.#ended(this.#look);
    return this.#conclude(held, judgement, reading, alarming);
  }

  /** Until the next tick. What a late source brings is not left lying until then where it fails. */
  async #rest(): Promise<Judgement['verdict'] | undefined> {
    const seen = { failing: false };
    await upTo(this.tools.clock, this.#untilNextTickMs(), this.run.signal, (enough, over) => {
      this.#judgeArrivals(() => {
        seen.failing = true;
        enough();
      }, over);
    });
    return seen.failing ? this.#judge(this.#sources.reading()).verdict : undefined;
  }

  /** A slow source costs a renewal at most one window, once, and the verdict of another at most the grace. */
  async #read(): Promise<Reading> {
    const { where } = this.input;
    const { signal } = this.#over;
    this.#sources.start(signal);
    this.#route.start(() => this.#router.read(where.target), signal);
    this.#alarms.start(signal);
    await gather(
      this.tools.clock,
      this.#sources.about.windowMs,
      [...this.#sources.calls, this.#route],
      signal,
      (enough, over) => {
        this.#judgeArrivals(enough, over);
      },
    );
    return this.#sources.reading();
  }

  /**
   * Judges what has come although others have not, and says when that alone fails (design.md §4: one slow source never delays
   * another gate's verdict). Whatever is no fail is forgotten: the tick judges it, once.
   */
  #judgeArrivals(failing: () => void, over: AbortSignal): void {
    const arrived = async (): Promise<void> => {
      await this.tools.clock.sleep(ARRIVAL_GRACE_MS, over);
      if (!over.aborted && this.#verdictOn(this.#sources.reading()) === 'fail') failing();
    };
    for (const { underWay } of this.#sources.calls) void underWay?.then(arrived).catch(failing);
  }

  #verdictOn(reading: Reading): Judgement['verdict'] {
    return combine(this.tools.judge.judge(this.#supervise.policy, this.#progress.evidence, reading).verdicts);
  }

  #judge(reading: Reading): Judgement {
    const { judge, clock, metrics, logger } = this.tools;
    const { policy } = this.#supervise;
    const { verdicts, evidence } = judge.judge(policy, this.#progress.evidence, reading);
    const spans = policy.gates.flatMap(({ gate }) => sampleOf(reading, gate)?.elapsedMs ?? []);
    // The gate that began last soaks longest; where nothing was read, what was soaked stays soaked.
    const soakedMs = spans.length > 0 ? Math.min(...spans) : (this.#progress.judgement?.soakedMs ?? 0);
    const verdict = combine(verdicts);
    const unread = verdict === 'blind' ? this.#sources.unread : [];
    const judgement: Judgement = {
      at: clock.now(),
      verdict,
      gates: verdicts,
      soakedMs,
      ...(unread.length === 0 ? {} : { unread }),
    };
    this.#progress = { ...this.#progress, evidence, cursors: this.#sources.cursors, judgement };
    metrics.tickJudged(this.#subject, judgement.verdict);
    for (const { gate, verdict } of verdicts) metrics.gateJudged(this.#subject, gate, verdict);
    logger.debug({ verdict: judgement.verdict, soakedMs }, 'tick judged');
    return judgement;
  }

  #lookAtRoute(): RouteState | undefined {
    const outcome = this.#route.take();
    if (outcome?.kind === 'error') this.#warn(outcome.error, 'the route could not be read');
    if (outcome?.kind !== 'value') return undefined;
    this.#look = this.#see(outcome.value);
    return outcome.value;
  }

  #see(route: RouteState): RouteLook {
    const { look, seen } = lookAt(this.#supervise, route, this.#progress.route);
    this.#progress = { ...this.#progress, route: seen };
    return look.kind === 'lost' && seen.servedAt === undefined ? { kind: 'lost', forMs: this.run.waitedMs } : look;
  }

  /** Called by `#tick` only, after it has judged (I14). A renewal that hangs is looked at again at the next tick. */
  async #renew(): Promise<void> {
    const { clock, metrics } = this.tools;
    const { where, leaseMs } = this.input;
    const { signal } = this.#over;
    this.#renewal.start(() => this.#router.renew(where.target, this.#supervise.ramp, leaseMs), signal);
    await gather(clock, Math.min(this.input.tickMs / 4, 1_000), [this.#renewal], signal);
    const outcome = this.#renewal.take();
    if (outcome === undefined || this.run.signal.aborted) return;
    metrics.leaseRenewed(this.#subject, outcome.kind === 'error' ? 'failed' : outcome.value);
    if (outcome.kind === 'error') this.#warn(outcome.error, 'the lease was not renewed');
    else if (outcome.value !== 'renewed') await this.#whyNotRenewed();
  }

  /** A renewal refused: our ramp is lost, or somebody else's took its place. One more read tells, if the router answers. */
  async #whyNotRenewed(): Promise<void> {
    this.#look = { kind: 'lost', forMs: this.run.waitedMs };
    try {
      const look = this.#see(
        await within(this.tools.clock, this.#sources.about.windowMs, () => this.#router.read(this.input.where.target)),
      );
      // Where the read still shows our ramp, the refusal is the newer word.
      this.#look = look.kind === 'serving' ? { kind: 'lost', forMs: 0 } : look;
    } catch (error) {
      this.#warn(error, 'the route could not be read');
    }
  }

  #conclude(held: boolean, judgement: Judgement, reading: Reading, alarming: boolean): SuperviseResult | undefined {
    const { policy, returnOnPass, known, bucketMs } = this.#supervise;
    const watching = { watchedMs: this.#elapsedMs(), bucketMs, tickMs: this.input.tickMs, known };
    const condition = held ? 'foreign' : conditionOf(policy, judgement, reading, watching);
    const streak = extend(this.#progress.streak, condition);
    this.#progress = { ...this.#progress, streak, refusals: reading.schemaRefusals?.value.candidate ?? this.#progress.refusals };
    const seen = held ? undefined : usersLeave(this.#supervise, reading);
    // Before a pass, which rests on users who went to and fro.
    if (seen !== undefined) return this.#ended({ kind: 'unsticky', seen });
    if (returnOnPass && judgement.verdict === 'pass' && !held) return this.#ended({ kind: 'passed' });
    if (alarming || (condition !== known && streak.ticks >= TICKS_TO_CHANGE)) return this.#ended({ kind: 'changed' });
    return undefined;
  }

  async #failed(): Promise<SuperviseResult> {
    await this.#revoke('gate');
    return this.#ended({ kind: 'failed' });
  }

  async #revoke(why: 'gate' | 'schema'): Promise<void> {
    const { clock, logger, metrics } = this.tools;
    const { where } = this.input;
    const { ramp } = this.#supervise;
    const begun = clock.monotonicMs();
    const outcome = await revokeUntilItHolds({
      router: this.#router,
      target: where.target,
      ramp,
      clock,
      logger,
      run: this.run,
      tried: () => {
        this.#heartbeat();
      },
    });
    metrics.routeWritten(this.#subject, 'revoke', outcome, (clock.monotonicMs() - begun) / 1_000);
    metrics.revoked(this.#subject, why);
    logger.warn({ ramp: ramp.id, why, outcome }, 'ramp revoked');
  }

  #ended(end: End): SuperviseResult {
    const { evidence, cursors, judgement } = this.#progress;
    const condition = end.kind === 'foreign' ? 'foreign' : settledCondition(this.#progress, this.#supervise.known);
    const { raised } = this.#alarms;
    return {
      ...end,
      evidence,
      cursors,
      condition,
      ...(judgement === undefined ? {} : { judgement }),
      ...(raised.length === 0 ? {} : { alarms: raised }),
    };
  }

  #heartbeat(): void {
    this.#progress = { ...this.#progress, elapsedMs: this.#elapsedMs() };
    this.run.heartbeat(this.#progress);
  }

  #elapsedMs(): number {
    return this.#spentMs + (this.tools.clock.monotonicMs() - this.#begun);
  }

  /** Fixed cadence from the attempt's start, so that slow ticks do not add up; a tick that was missed is not made up for. */
  #untilNextTickMs(): number {
    const sinceBegun = this.tools.clock.monotonicMs() - this.#begun;
    // Counted, not divided: a timer that fires a little early must not give the same tick twice.
    do this.#nextTickMs += this.input.tickMs;
    while (this.#nextTickMs <= sinceBegun);
    return Math.max(0, Math.min(this.#nextTickMs - sinceBegun, this.#supervise.bucketMs - this.#elapsedMs()));
  }

  #warn(error: unknown, message: string): void {
    this.tools.logger.warn({ ramp: this.#supervise.ramp.id, error: describeError(error) }, message);
  }
}
