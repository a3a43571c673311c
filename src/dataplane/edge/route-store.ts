/**
 * What the edge was told, and the four operations that change it. Each is one turn of the event loop, from its check to its
 * effect, durable parts first where a restart must not undo what users saw, so that
 *
 * - a write takes effect only on the state that its sender has read: `tag` names that state, and changes with every write, with
 *   the end of a lease and with a restart. The sender decides by (epoch, sequence) and revocation, and nothing can come between
 *   its decision and the effect; a write that arrives late, or twice, finds another tag (I7);
 * - a revocation waits for nothing and is for ever: a route of a revoked ramp is never followed (I5, I7).
 */
import { randomUUID } from 'node:crypto';
import type { BasisPoints, Instant, Slot, StickyBy } from '../../domain/words.js';
import {
  freshState,
  finalisedAs,
  leaseOf,
  ROLLED_BACK,
  wholeSeconds,
  type Claim,
  type DurableState,
  type ServiceState,
} from './service-state.js';
import type { StateFile } from './state-file.js';

/** The whole route, as a controller writes it. */
export interface RouteWrite {
  readonly stable: { readonly slot: Slot; readonly release: string };
  readonly candidate: { readonly slot: Slot; readonly release: string };
  readonly candidateBp: BasisPoints;
  readonly sticky: boolean;
  readonly stickyBy?: StickyBy | undefined;
  readonly ramp: { readonly id: string } & Claim;
  readonly sequence: number;
}

export class RouteStore {
  readonly #services = new Map<string, ServiceState>();
  /** Of services that the file knows and this edge does not serve: kept as they are. */
  readonly #others: ReadonlyMap<string, DurableState>;
  readonly #file: StateFile;
  readonly #now: () => Instant;
  /** A state of another process must never look like one of this one. */
  readonly #boot = randomUUID().slice(0, 8);
  #writes = 0;
  /** The file could not be written, and is behind. */
  #isBehind = false;

  /** @param stable the slot that serves each service of which the file says nothing */
  constructor(file: StateFile, stable: ReadonlyMap<string, Slot>, now: () => Instant) {
    this.#file = file;
    this.#now = now;
    this.#others = file.load();
    for (const [name, slot] of stable) {
      this.#services.set(name, { durable: this.#others.get(name) ?? freshState(slot), route: undefined, leaseExpiryS: 0 });
    }
  }

  /** Throws for a service that is not configured: callers look at `names` first. */
  get(service: string): ServiceState {
    const state = this.#services.get(service);
    if (state === undefined) throw new Error(`no service "${service}"`);
    return state;
  }

  get names(): readonly string[] {
    return [...this.#services.keys()];
  }

  /** Names the state that an answer shows. */
  tag(service: string): string {
    return `${this.#boot}-${String(this.#writes)}-${leaseOf(this.get(service), this.#now())}`;
  }

  /**
   * Claims the ramp if it is not the live one, and gives it this route. With `leaseUntil` its lease begins; without, it has the one
   * that it had.
   * The claim is durable before it takes effect: an epoch that a restart forgot could be claimed twice.
   */
  apply(service: string, write: RouteWrite, leaseUntil: Instant | undefined): void {
    const { durable, route, leaseExpiryS } = this.get(service);
    const { ramp, stable } = write;
    const lease = route?.ramp === ramp.id ? leaseExpiryS : 0;
    const next: DurableState = {
      ...durable,
      stable: stable.slot,
      live: ramp.id,
      releases: { ...durable.releases, ...releasesOf(write) },
      claims: durable.claims.has(ramp.id)
        ? durable.claims
        : new Map([...durable.claims, [ramp.id, { epoch: ramp.epoch, owner: ramp.owner }]]),
    };
    this.#save(service, durable, next);
    this.#put(service, {
      durable: next,
      route: routeOf(write),
      leaseExpiryS: leaseUntil === undefined ? lease : wholeSeconds(leaseUntil),
    });
  }

  /** Users first (R9), the file after. If that fails, the caller hears of it and comes again; users are safe already. */
  revoke(service: string, ramp: string): void {
    const state = this.get(service);
    const { durable } = state;
    const next = durable.revoked.has(ramp)
      ? durable
      : { ...durable, revoked: new Map([...durable.revoked, [ramp, ROLLED_BACK]]) };
    this.#put(service, { ...state, durable: next });
    if (next !== durable || this.#isBehind) this.#saveAll();
  }

  /** The candidate becomes stable, durably, and the ramp powerless (I13, A25). The file first: what users see, a restart keeps. */
  finalise(service: string, write: RouteWrite): void {
    const state = this.get(service);
    const { durable } = state;
    const next: DurableState = {
      ...durable,
      stable: write.candidate.slot,
      releases: { ...durable.releases, ...releasesOf(write) },
      revoked: new Map([...durable.revoked, [write.ramp.id, finalisedAs(write.sequence)]]),
    };
    this.#save(service, durable, next);
    this.#put(service, { ...state, durable: next, route: { ...routeOf(write), candidateBp: 0 } });
  }

  /**
   * The end is told as a time by the edge's clock and not as a span, so that a renewal that was long under way prolongs nothing
   * beyond what its sender meant (I14). Never shortens a lease, never revives one that has ended, and does nothing for a ramp
   * that is not the live one (I7).
   */
  renew(service: string, ramp: string, leaseUntil: Instant): 'renewed' | 'lapsed' | 'revoked' {
    const state = this.get(service);
    if (state.durable.revoked.has(ramp)) return 'revoked';
    if (state.route?.ramp !== ramp || leaseOf(state, this.#now()) !== 'live') return 'lapsed';
    // No new tag: a renewal changes nothing that a decision hangs on.
    this.#services.set(service, { ...state, leaseExpiryS: Math.max(state.leaseExpiryS, wholeSeconds(leaseUntil)) });
    return 'renewed';
  }

  #put(service: string, state: ServiceState): void {
    this.#writes++;
    this.#services.set(service, state);
  }

  #save(service: string, before: DurableState, next: DurableState): void {
    if (isSame(before, next) && !this.#isBehind) return;
    this.#saveAll([service, next]);
  }

  #saveAll(changed?: readonly [string, DurableState]): void {
    const all = new Map(this.#others);
    for (const [name, { durable }] of this.#services) all.set(name, durable);
    if (changed !== undefined) all.set(...changed);
    this.#isBehind = true;
    this.#file.save(all);
    this.#isBehind = false;
  }
}

function routeOf({ candidate, candidateBp, sticky, stickyBy, ramp, sequence }: RouteWrite): NonNullable<ServiceState['route']> {
  return { candidate: candidate.slot, candidateBp, sticky, stickyBy, ramp: ramp.id, sequence };
}

/** A controller that does not know what runs in a slot leaves it out. */
function releasesOf({ stable, candidate }: RouteWrite): DurableState['releases'] {
  const known = [stable, candidate].filter(({ release }) => release !== '');
  return Object.fromEntries(known.map(({ slot, release }) => [slot, release]));
}

function isSame(one: DurableState, other: DurableState): boolean {
  const releases = one.releases.blue === other.releases.blue && one.releases.green === other.releases.green;
  return (
    releases &&
    one.stable === other.stable &&
    one.live === other.live &&
    one.claims === other.claims &&
    one.revoked === other.revoked
  );
}
