/**
 * What Sluice asks of the world. Every call is whole-state and idempotent: calling twice is calling once. A time-out means
 * *unknown*: read before you conclude. Errors are `ProviderError`s that say transient or permanent.
 */
import type { CustomMeasure } from '../domain/custom-measure.js';
import type { Directive } from '../domain/directing.js';
import type { Cursor, Reading } from '../domain/reading.js';
import type { ReleaseRecord } from '../domain/release-record.js';
import type { RouteIntent, RouterCapabilities, RouteState } from '../domain/route.js';
import type { Instant, Ramp, Revision, Target } from '../domain/words.js';

export interface Receipt {
  readonly kind: 'applied' | 'superseded' | 'revoked';
  readonly ramp: string;
  readonly sequence: number;
}

/** How to reach one revision past the weights, and how to tell who answered: a pin that falls through poisons every probe. */
export interface ProbeRecipe {
  /** Base address without a trailing slash. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Response header that names who answered, and the value that the wanted revision gives. */
  readonly answeredBy: { readonly header: string; readonly value: string };
}

export interface Inflight {
  /** Undefined: the router cannot count. */
  readonly active: number | undefined;
  /** Servers of the revision that the router would send to; undefined where it cannot say. */
  readonly liveServers: number | undefined;
  readonly at: Instant;
}

export interface TrafficRouter {
  describe(target: Target): Promise<RouterCapabilities>;
  read(target: Target): Promise<RouteState>;
  /**
   * Writes the whole route. Reads first: a stored (epoch, sequence) that is not below the intent's gives `superseded`,
   * a revoked ramp `revoked`. A raising write makes the lease begin: `leaseMs` from now by the router's clock.
   * Claims the ramp where it is new (epoch and owner are stored before the first write takes effect). A ramp that lapsed with
   * users on it is revoked by the next raising write, and the receipt says so. Weight 0 on a revoked ramp is a rollback: it
   * is applied, and after a finalise of that ramp it makes `intent.stable` serve again, durably.
   */
  apply(target: Target, intent: RouteIntent, leaseMs: number): Promise<Receipt>;
  /** First act of every rollback: the ramp is powerless for ever, and its share is 0 at once. One call; the receipt's sequence is 0. */
  revoke(target: Target, ramp: Ramp): Promise<Receipt>;
  /** The candidate becomes stable, durably (I13, A25), and the ramp is revoked. */
  finalise(target: Target, intent: RouteIntent): Promise<Receipt>;
  /** Converged means read-back and, where the router echoes, unpinned answers that show the generation. */
  confirm(target: Target, receipt: Receipt): Promise<'pending' | 'converged' | 'superseded' | 'failed'>;
  /** Prolongs the lease to `leaseMs` from now by the router's clock. Never revives a lapsed or revoked ramp. */
  renew(target: Target, ramp: Ramp, leaseMs: number): Promise<'renewed' | 'lapsed' | 'revoked'>;
  probe(target: Target, revision: Revision): Promise<ProbeRecipe>;
  inflight(target: Target, revision: Revision): Promise<Inflight>;
}

/** Which two revisions are measured. */
export interface MeasuredPair {
  readonly stable: Revision;
  readonly candidate: Revision;
  /** What the rollout's own gates measure at this source, by the gate's name without `custom:`; read into `Reading.custom`. */
  readonly custom?: Readonly<Record<string, CustomMeasure>>;
}

/** What a source told of stable before a ramp. */
export interface LookedBack {
  /**
   * Of stable alone, oldest first, cumulative since the look-back began; the candidate's counts are 0. Each is as fresh as it
   * was then. An hour of them is large: have the judge learn from them (`judge/look-back.ts`), and let them into no history.
   */
  readonly readings: readonly Reading[];
  /** Ask again with it; JSON. Absent: all that there is has been told. */
  readonly cursor?: Cursor;
}

/** What a source tells at one look. */
export interface Observation {
  readonly reading: Reading;
  readonly cursor: Cursor;
  /** Why signals that the connection maps are absent, each in a sentence that names it. */
  readonly absent?: readonly string[];
}

export interface MetricSource {
  /** Signals this source can give, and whether both revisions come from one scrape (judge.md §0). */
  describe(target: Target): Promise<{ readonly signals: readonly (keyof Reading)[]; readonly sameInstant: boolean }>;
  /**
   * Counts since the step's start, per revision, with the time of the newest sample. The cursor `'begin'` takes the base now and
   * gives a reading of zeros. The cursor is JSON and may be replayed by another worker. Gives up when `signal` aborts.
   */
  read(target: Target, pair: MeasuredPair, cursor: Cursor, signal: AbortSignal): Promise<Observation>;
  /**
   * Stable's past, from which the judge learns its bursts and its latency before any user moves (judge.md §0, §1 "look-back").
   * A source that remembers tells the last `spanMs` at once. One that does not takes its base at `'begin'` and tells nothing
   * yet: ask it again each tick with the cursor that it gave, from the opening of the ramp to the first shift. Absent: the
   * source cannot look back, and the judge learns during the soak.
   */
  lookBack?(target: Target, pair: MeasuredPair, cursor: Cursor, spanMs: number, signal: AbortSignal): Promise<LookedBack>;
}

export type CapacityState =
  | { readonly kind: 'ready'; readonly units: number }
  | { readonly kind: 'pending'; readonly units: number }
  | { readonly kind: 'failed'; readonly reason: string };

export interface CapacityController {
  units(target: Target, revision: Revision): Promise<number>;
  /** Asks for at least `units`; never lowers. */
  ensure(target: Target, revision: Revision, units: number): Promise<CapacityState>;
  /** Holds a floor under which the platform must not shrink (A21); 0 lifts it. */
  holdFloor(target: Target, revision: Revision, units: number): Promise<void>;
  /** Lets go of the revision's capacity. */
  release(target: Target, revision: Revision): Promise<void>;
}

/** What the services' guards read about the rollout: whole state, ordered by (epoch, sequence). */
export type QueueDirective = Directive;

export interface QueueController {
  /** A directive that is not above the stored (epoch, sequence) changes nothing. Whoever stores it takes times from its own clock. */
  direct(target: Target, directive: QueueDirective): Promise<void>;
  /**
   * The stored epoch, 0 where there is none: the rollout's ramps begin above it, also at a router that has forgotten its own.
   * Absent: nobody can be asked.
   */
  epoch?(target: Target): Promise<number>;
  /** What is stored; undefined where nothing is. Absent: nobody can be asked, so that the janitor ends no release there. */
  record?(target: Target): Promise<ReleaseRecord | undefined>;
}

export interface Notice {
  readonly title: string;
  readonly text: string;
  readonly severity: 'info' | 'warning' | 'page';
  readonly rollout: string;
}

export interface Notifier {
  send(notice: Notice, deduplicationId: string): Promise<void>;
}

/** What a worker knows by name. An unknown name throws and lists the known ones. */
export interface Ports {
  router(name: string): TrafficRouter;
  metrics(name: string): MetricSource;
  capacity(name: string): CapacityController;
  queues(name: string): QueueController;
  notifier(name: string): Notifier;
}
