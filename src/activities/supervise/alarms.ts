/** What endangers the way back, or keeps users from the candidate: no verdict of a gate, and people must know (I8). */
import { TICKS_TO_CHANGE, type Supervise } from '../../domain/effects.js';
import type { RouteState } from '../../domain/route.js';
import type { Target } from '../../domain/words.js';
import type { CapacityController } from '../../providers/ports.js';
import { describeError } from '../failures.js';
import type { Clock, Log } from '../dependencies.js';
import { LateCall } from './late-call.js';

/** A sentence that is told, or told to be over, once it has been so for three ticks. Nothing seen is no change. */
class Alarm {
  isRaised: boolean;
  #against = 0;

  constructor(
    readonly text: string,
    told: readonly string[],
  ) {
    this.isRaised = told.includes(text);
  }

  see(holds: boolean | undefined): boolean {
    if (holds === undefined) return false;
    this.#against = holds === this.isRaised ? 0 : this.#against + 1;
    if (this.#against < TICKS_TO_CHANGE) return false;
    this.isRaised = holds;
    this.#against = 0;
    return true;
  }
}

export class Alarms {
  readonly #serversGone: Alarm;
  readonly #floorLost: Alarm;
  readonly #units: LateCall<number>;

  constructor(
    private readonly supervise: Supervise,
    private readonly about: {
      readonly target: Target;
      /** Undefined: nobody controls capacity. */
      readonly capacity: CapacityController | undefined;
      readonly clock: Clock;
      readonly logger: Log;
      readonly windowMs: number;
      readonly deadlineMs: number;
    },
  ) {
    const { candidate, stable, floor = 0, alarms = [] } = supervise;
    this.#serversGone = new Alarm(`the candidate ${candidate.id} has no live servers, so that nobody is sent to it`, alarms);
    this.#floorLost = new Alarm(
      `stable ${stable.id} has fewer than the ${String(floor)} units held for it: a rollback may find no room for everybody`,
      alarms,
    );
    this.#units = new LateCall(about.clock, about);
  }

  /** Never waited for: what comes is looked at by a later tick. */
  start(signal: AbortSignal): void {
    const { capacity, target } = this.about;
    const { stable, floor = 0 } = this.supervise;
    if (capacity !== undefined && floor > 0) this.#units.start(() => capacity.units(target, stable), signal);
  }

  /** Whether there is something to tell. @param route as read in this tick, if it was */
  look(route: RouteState | undefined): boolean {
    const units = this.#units.take();
    if (units?.kind === 'error')
      this.about.logger.warn({ error: describeError(units.error) }, "stable's units could not be read");
    const gone = this.#serversGone.see(route?.liveServers === undefined ? undefined : route.liveServers === 0);
    const lost = this.#floorLost.see(units?.kind === 'value' ? units.value < (this.supervise.floor ?? 0) : undefined);
    return gone || lost;
  }

  get raised(): readonly string[] {
    return [this.#serversGone, this.#floorLost].filter(({ isRaised }) => isRaised).map(({ text }) => text);
  }
}
