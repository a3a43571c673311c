import type { ProbeRecipe, TrafficRouter } from '../providers/ports.js';
import type { Revision, Target } from '../domain/words.js';

/** Who asks, as far as the request says it. */
export interface Identity {
  /** In the header that names the user. */
  readonly user?: string;
  /** The router's own id cookie, in the form that the router gives: a UUID. */
  readonly cookie?: string;
  /** In the header that the caller repeats on each request. */
  readonly key?: string;
}

/** A real router with two live revisions behind it, as the conformance suite needs it. Everything is fresh for every test. */
export interface RouterStage {
  readonly router: TrafficRouter;
  readonly target: Target;
  /** Serves everybody at the start, and the router was never told of any rollout. */
  readonly stable: Revision;
  readonly candidate: Revision;
  /** One unpinned request for each user, past every cache; gives the ids of the revisions that answered, in the users' order. */
  ask(users: readonly string[]): Promise<readonly string[]>;
  /** The same for callers who say who they are in other ways. Absent: the stage's router knows users by their header alone. */
  askAs?(callers: readonly Identity[]): Promise<readonly string[]>;
  /** One request as the recipe says: what the `answeredBy` header names, and the id of the revision that really answered. */
  follow(recipe: ProbeRecipe): Promise<{ readonly named: string | undefined; readonly answeredBy: string }>;
  /** Returns when the router's clock has advanced by so much. */
  pass(ms: number): Promise<void>;
  /** A stream of a user, once it has begun. */
  openStream(user: string): Promise<OpenedStream>;
  /** The router forgets what it keeps in memory and returns to what it keeps durably. Absent: it cannot be reloaded. */
  reload?(): Promise<void>;
  /**
   * Gives an adapter whose writes reach the router, while the answer to the one that takes effect is lost; it gives up by
   * itself. Absent: cannot be arranged.
   */
  losingAnswers?(act: (router: TrafficRouter) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export interface OpenedStream {
  /** Lets it come to its end; whole means: to the end marker, and on the one revision that it began on, which is named. */
  end(): Promise<{ readonly whole: boolean; readonly revision: string }>;
}

export type StartRouterStage = () => Promise<RouterStage>;
