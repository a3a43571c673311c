/**
 * A router that lives in memory and keeps every rule of a router with leases and revocation: for tests of whatever stands
 * above the port, and the reference that the conformance suite was written against.
 *
 * It has two stores, as a real one: what serves, and what a reload returns to (`reload`). Its clock is given. Faults are
 * given as well: `before` and `after` see every call, and what they throw is what the caller gets; thrown in `after`, the
 * call has taken effect and its answer is lost.
 */
import type { RouteIntent, RouterCapabilities, RouteState } from '../domain/route.js';
import { STICKY_BY, type Instant, type Ramp, type Revision, type StickyBy, type Target } from '../domain/words.js';
import { permanent } from '../providers/errors.js';
import type { Inflight, ProbeRecipe, Receipt, TrafficRouter } from '../providers/ports.js';
import { admit, admitFinalise, checkIntent, checkLease, checkRamp } from '../providers/routers/admission.js';
import { judgeReadBack, type Confirmation } from '../providers/routers/read-back.js';
import { bucketOf } from './buckets.js';
import type { Identity } from './router-stage.js';
import { foundIn, newService, routeOf, standingOf, writeInto, type MemoryService } from './memory-service.js';

export interface RouterCall {
  readonly call: keyof TrafficRouter;
  readonly target: Target;
  readonly ramp?: string;
  readonly sequence?: number;
}

export interface MemoryRouterOptions {
  /** The router's clock. */
  readonly now: () => Instant;
  /** Differences from what the router says of itself; they change nothing else. */
  readonly capabilities?: Partial<RouterCapabilities>;
  readonly before?: (call: RouterCall) => void | Promise<void>;
  readonly after?: (call: RouterCall) => void | Promise<void>;
}

const CAPABILITIES: RouterCapabilities = {
  stepBp: 1,
  split: 'hash',
  fencing: 'revocation',
  lease: true,
  pin: 'header',
  pinMiss: 'fails',
  sticky: 'key-hash',
  stickyBy: STICKY_BY,
  drain: 'counted',
  streamsSurvive: true,
  echo: true,
  replicas: 1,
  propagationBoundS: 0,
};

export class MemoryRouter implements TrafficRouter {
  /** Every call so far, in the order of arrival. */
  readonly calls: RouterCall[] = [];
  readonly #services = new Map<string, MemoryService>();
  readonly #options: MemoryRouterOptions;

  constructor(options: MemoryRouterOptions) {
    this.#options = options;
  }

  /** Tells the router which revision serves a service that nobody has rolled out yet. */
  introduce(target: Target, stable: Revision): void {
    const service = this.#service(target);
    service.stable = stable;
    service.revisions.set(stable.id, stable);
  }

  /** As a router that restarts: weights and leases are gone, and what was stored durably serves. */
  reload(): void {
    for (const service of this.#services.values()) {
      service.route = undefined;
      service.leaseUntil = 0;
    }
  }

  /** Which revision an unpinned request of this user gets now; a name alone is the user's id. */
  serve(target: Target, who: string | Identity): Revision {
    const service = this.#service(target);
    if (service.stable === undefined) throw permanent(`nobody serves "${target.service}": call introduce first`);
    const { candidate, effectiveBp, ramp } = routeOf(service, this.#options.now());
    const release = ramp?.id.split('~')[0] ?? '';
    const told = toldApart(typeof who === 'string' ? { user: who } : who, service.route?.stickyBy);
    const isHit = candidate !== undefined && bucketOf(`${target.service}/${release}/${told}`) < effectiveBp;
    return isHit ? candidate : service.stable;
  }

  /** Which revision a request with a recipe's headers gets, whatever the weights; undefined if there is no such one. */
  servePinned(target: Target, headers: Readonly<Record<string, string>>): Revision | undefined {
    return this.#service(target).revisions.get(headers['x-release'] ?? '');
  }

  /** A stream to whoever serves the user now; call the result to end it. */
  openStream(target: Target, user: string): { readonly revision: Revision; readonly end: () => void } {
    const { open } = this.#service(target);
    const revision = this.serve(target, user);
    const add = (by: number): unknown => open.set(revision.id, (open.get(revision.id) ?? 0) + by);
    add(1);
    return { revision, end: () => void add(-1) };
  }

  describe(target: Target): Promise<RouterCapabilities> {
    return this.#called({ call: 'describe', target }, () => ({ ...CAPABILITIES, ...this.#options.capabilities }));
  }

  read(target: Target): Promise<RouteState> {
    return this.#called({ call: 'read', target }, () => routeOf(this.#service(target), this.#options.now()));
  }

  apply(target: Target, intent: RouteIntent, leaseMs: number): Promise<Receipt> {
    return this.#called({ call: 'apply', target, ramp: intent.ramp.id, sequence: intent.sequence }, () => {
      checkIntent(intent, this.#options.capabilities?.stepBp ?? CAPABILITIES.stepBp);
      checkLease(leaseMs);
      const service = this.#service(target);
      const admission = admit(standingOf(service, intent, this.#options.now()), intent);
      switch (admission.kind) {
        case 'claim':
        case 'write':
          writeInto(service, intent, this.#options.now() + leaseMs);
          return receipt('applied', intent);
        case 'repeat':
          return receipt('applied', intent);
        case 'superseded':
        case 'revoked':
          return receipt(admission.kind, intent);
        case 'settle':
          service.stable = intent.stable;
          service.route = intent;
          return receipt('revoked', intent);
        case 'lapsed':
          service.revoked.set(intent.ramp.id, undefined);
          return receipt('revoked', intent);
        case 'refused':
          throw admission.error;
      }
    });
  }

  revoke(target: Target, ramp: Ramp): Promise<Receipt> {
    return this.#called({ call: 'revoke', target, ramp: ramp.id }, () => {
      checkRamp(ramp);
      const { revoked } = this.#service(target);
      if (!revoked.has(ramp.id)) revoked.set(ramp.id, undefined);
      return { kind: 'revoked', ramp: ramp.id, sequence: 0 };
    });
  }

  finalise(target: Target, intent: RouteIntent): Promise<Receipt> {
    return this.#called({ call: 'finalise', target, ramp: intent.ramp.id, sequence: intent.sequence }, () => {
      checkIntent(intent, this.#options.capabilities?.stepBp ?? CAPABILITIES.stepBp);
      const service = this.#service(target);
      const admission = admitFinalise(standingOf(service, intent, this.#options.now()), intent, false);
      switch (admission.kind) {
        case 'promote':
          service.stable = intent.candidate;
          service.revoked.set(intent.ramp.id, intent.sequence);
          service.route = { ...intent, candidateBp: 0 };
          return receipt('applied', intent);
        case 'repeat':
          return receipt('applied', intent);
        case 'superseded':
        case 'revoked':
          return receipt(admission.kind, intent);
        case 'lapsed':
          service.revoked.set(intent.ramp.id, undefined);
          return receipt('revoked', intent);
        case 'refused':
          throw admission.error;
      }
    });
  }

  confirm(target: Target, receipt: Receipt): Promise<Confirmation> {
    return this.#called({ call: 'confirm', target, ramp: receipt.ramp, sequence: receipt.sequence }, () =>
      judgeReadBack(foundIn(this.#service(target), receipt.ramp, this.#options.now()), receipt),
    );
  }

  renew(target: Target, ramp: Ramp, leaseMs: number): Promise<'renewed' | 'lapsed' | 'revoked'> {
    return this.#called({ call: 'renew', target, ramp: ramp.id }, () => {
      checkRamp(ramp);
      checkLease(leaseMs);
      const service = this.#service(target);
      if (service.revoked.has(ramp.id)) return 'revoked';
      if (service.live?.id !== ramp.id || routeOf(service, this.#options.now()).lease !== 'live') return 'lapsed';
      service.leaseUntil = Math.max(service.leaseUntil, this.#options.now() + leaseMs);
      return 'renewed';
    });
  }

  probe(target: Target, revision: Revision): Promise<ProbeRecipe> {
    return this.#called({ call: 'probe', target }, () => ({
      url: `memory://${target.service}`,
      headers: { 'x-release': revision.id },
      answeredBy: { header: 'x-release-slot', value: revision.id },
    }));
  }

  inflight(target: Target, revision: Revision): Promise<Inflight> {
    return this.#called({ call: 'inflight', target }, () => ({
      active: this.#service(target).open.get(revision.id) ?? 0,
      liveServers: 1,
      at: this.#options.now(),
    }));
  }

  async #called<T>(call: RouterCall, act: () => T): Promise<T> {
    this.calls.push(call);
    await this.#options.before?.(call);
    const result = act();
    await this.#options.after?.(call);
    return result;
  }

  #service(target: Target): MemoryService {
    const key = `${target.environment}/${target.service}`;
    const service = this.#services.get(key) ?? newService();
    this.#services.set(key, service);
    return service;
  }
}

function toldApart({ user, cookie = '', key }: Identity, by: StickyBy = 'user'): string {
  return { user, cookie: undefined, header: key }[by] ?? cookie;
}

function receipt(kind: Receipt['kind'], intent: RouteIntent): Receipt {
  return { kind, ramp: intent.ramp.id, sequence: intent.sequence };
}
