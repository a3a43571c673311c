/**
 * HAProxy as a traffic router: two slots per service, steered over the runtime maps of `configuration.ts`.
 *
 * What users get hangs on three things that this adapter writes and HAProxy itself judges on every request: the fence names
 * the one ramp whose route is read, the lease must be in the future by HAProxy's clock, and the ramp must not be revoked. So
 * a write of an older ramp lands where nobody reads it, a dead controller's users return by themselves, and nothing that
 * comes after a revocation brings anybody back (I7). What these cannot fence is bound by a deadline (`deadline.ts`).
 */
import type { RouteIntent, RouterCapabilities, RouteState } from '../../../domain/route.js';
import { STICKY_BY, type Ramp, type Revision, type Target } from '../../../domain/words.js';
import { permanent } from '../../errors.js';
import type { Inflight, ProbeRecipe, Receipt, TrafficRouter } from '../../ports.js';
import { admit, admitFinalise, checkIntent, checkLease, checkRamp, type NotNow } from '../admission.js';
import { judgeReadBack, type Confirmation } from '../read-back.js';
import { Serial } from '../serial.js';
import { Turns } from '../turns.js';
import type { ControlState } from '../slots/control-state.js';
import { Deadline } from '../slots/deadline.js';
import { echoAgrees, readEcho } from '../slots/echo.js';
import { ROLLED_BACK } from './maps.js';
import { slotOf } from '../slots/names.js';
import { Plane, type PlaneOptions } from './plane.js';
import { found, routeInForce, routeState, standing } from '../slots/state.js';
import { claim, introduce, leaseExpiry, promote, revoke, settle, write, type Call } from './writes.js';

export interface HaproxyRouterOptions extends PlaneOptions {
  /** Where users reach HAProxy, or one address by service. Without it there are no probes and no echo. */
  readonly publicUrl?: string | Readonly<Record<string, string>>;
  /** RELEASE_TOKEN as HAProxy was told it. Without it HAProxy must know the prober by its address. */
  readonly releaseToken?: string;
  /** Longest time of one call, and of waiting for its turn. Both together must be shorter than the time-out of the activity that calls. 2,000 unless told. */
  readonly deadlineMs?: number;
  /** Unpinned echoes that must agree for a write to count as converged. 3 unless told. */
  readonly echoes?: number;
}

const STEP_BP = 1;
const DEADLINE_MS = 2_000;
const WRITES_AT_ONCE = 6;

export class HaproxyRouter implements TrafficRouter {
  readonly #plane: Plane;
  readonly #options: HaproxyRouterOptions;
  readonly #serial = new Serial();
  readonly #turns: Turns;

  constructor(options: HaproxyRouterOptions) {
    this.#plane = new Plane(options);
    this.#options = options;
    this.#turns = new Turns(WRITES_AT_ONCE, options.deadlineMs ?? DEADLINE_MS);
  }

  describe(target: Target): Promise<RouterCapabilities> {
    return Promise.resolve({
      stepBp: STEP_BP,
      split: 'hash',
      fencing: 'revocation',
      lease: true,
      pin: 'header',
      pinMiss: 'fails',
      sticky: 'key-hash',
      stickyBy: STICKY_BY,
      drain: 'counted',
      streamsSurvive: true,
      echo: this.#publicUrl(target) !== undefined,
      replicas: 1,
      propagationBoundS: 1,
    });
  }

  async read(target: Target): Promise<RouteState> {
    return routeState(await control(this.#call('read', target)));
  }

  async apply(target: Target, intent: RouteIntent, leaseMs: number): Promise<Receipt> {
    check(intent);
    checkLease(leaseMs);
    return this.#inTurn('apply', target, async (call) => {
      const state = await control(call, intent.ramp);
      const admission = admit(standing(state, intent), intent);
      switch (admission.kind) {
        case 'claim':
        case 'write': {
          if (state.stable === undefined) await introduce(call, intent.stable);
          const act = admission.kind === 'claim' ? claim : write;
          await act(call, intent, leaseExpiry(state.at, leaseMs));
          return receipt('applied', intent);
        }
        case 'settle':
          await settle(call, intent, state);
          return receipt('revoked', intent);
        default:
          return this.#conclude(call, intent, admission);
      }
    });
  }

  async revoke(target: Target, ramp: Ramp): Promise<Receipt> {
    checkRamp(ramp);
    // Waits for nothing, not even for a write of this process (I5): what such a write leaves behind is powerless.
    await revoke(this.#call('revoke', target), ramp);
    return { kind: 'revoked', ramp: ramp.id, sequence: 0 };
  }

  async finalise(target: Target, intent: RouteIntent): Promise<Receipt> {
    check(intent);
    return this.#inTurn('finalise', target, async (call) => {
      // A rollback that HAProxy may not have heard, because it did not answer then, still stands in the file.
      if ((await call.plane.files.get('revoked', intent.ramp.id)) === ROLLED_BACK)
        return this.#conclude(call, intent, { kind: 'lapsed' });
      const begun = (await call.plane.files.get('stable', call.service)) === slotOf(intent.candidate);
      const admission = admitFinalise(standing(await control(call, intent.ramp), intent), intent, begun);
      if (admission.kind !== 'promote') return this.#conclude(call, intent, admission);
      return receipt((await promote(call, intent)) === 'promoted' ? 'applied' : 'revoked', intent);
    });
  }

  async confirm(target: Target, receipt: Receipt): Promise<Confirmation> {
    const call = this.#call('confirm', target);
    const read = found(await control(call, { id: receipt.ramp }));
    const readBack = judgeReadBack(read, receipt);
    const publicUrl = this.#publicUrl(target);
    if (readBack !== 'converged' || publicUrl === undefined) return readBack;
    for (let asked = 0; asked < (this.#options.echoes ?? 3); asked++) {
      if (!echoAgrees(await readEcho(publicUrl, call.service, call.deadline), read, receipt)) return 'pending';
    }
    return 'converged';
  }

  async renew(target: Target, ramp: Ramp, leaseMs: number): Promise<'renewed' | 'lapsed' | 'revoked'> {
    checkRamp(ramp);
    checkLease(leaseMs);
    const call = this.#call('renew', target);
    const state = await control(call, ramp);
    const { asked, live, at } = state;
    if (asked === undefined || asked.revocation.kind !== 'none') return 'revoked';
    if (asked.lease !== 'live' || live?.id !== ramp.id || routeInForce(state) === undefined) return 'lapsed';
    const expiry = leaseExpiry(at, leaseMs);
    if (Number(expiry) * 1_000 <= asked.leaseUntil) return 'renewed';
    // After the old lease's end the command must not leave any more: it would revive what HAProxy has let lapse.
    const whileLive = call.deadline.within(asked.leaseUntil - at);
    return (await call.plane.runtime.change('leases', ramp.id, expiry, whileLive)) === 'changed' ? 'renewed' : 'lapsed';
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a rejection, not a throw, when something is missing
  async probe(target: Target, revision: Revision): Promise<ProbeRecipe> {
    const url = this.#publicUrl(target);
    if (url === undefined)
      throw permanent(`the HAProxy connection has no publicUrl for "${target.service}": pinned probes need one`);
    const slot = slotOf(revision);
    const token = this.#options.releaseToken;
    return {
      url,
      headers: { 'X-Release': slot, ...(token === undefined ? {} : { 'X-Release-Token': token }) },
      answeredBy: { header: 'x-release-slot', value: slot },
    };
  }

  async inflight(target: Target, revision: Revision): Promise<Inflight> {
    const call = this.#call('inflight', target);
    const slot = slotOf(revision);
    // The workers of an earlier load carry their streams to the end, and the serving one does not know of them (R16).
    const [state, earlier] = await Promise.all([
      control(call),
      call.plane.oldWorkers?.sessions(call.service, slot, call.deadline) ?? Promise.resolve(0),
    ]);
    const active = earlier === undefined ? undefined : state.sessions[slot] + earlier;
    return { active, liveServers: state.liveServers[slot], at: state.at };
  }

  /** Writes take their turn: HAProxy's socket serves ten at a time, and renewals and revocations must find room beside them. */
  async #inTurn(name: string, target: Target, act: (call: Call) => Promise<Receipt>): Promise<Receipt> {
    return this.#turns.run(`HAProxy, ${name} of "${target.service}"`, () => {
      const call = this.#call(name, target);
      return this.#serial.run(call.service, () => act(call));
    });
  }

  /** What does not take effect, as a receipt. */
  async #conclude(call: Call, intent: RouteIntent, admission: NotNow): Promise<Receipt> {
    switch (admission.kind) {
      case 'repeat':
        return receipt('applied', intent);
      case 'superseded':
      case 'revoked':
        return receipt(admission.kind, intent);
      case 'lapsed':
        await revoke(call, intent.ramp);
        return receipt('revoked', intent);
      case 'refused':
        throw admission.error;
    }
  }

  #publicUrl(target: Target): string | undefined {
    const { publicUrl } = this.#options;
    return (typeof publicUrl === 'string' ? publicUrl : publicUrl?.[target.service])?.replace(/\/$/, '');
  }

  /** Its time begins now, and waiting for another call of the same service counts. */
  #call(name: string, { service }: Target): Call {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(service)) {
      throw permanent(`service "${service}": HAProxy's maps take 1 to 64 letters, digits, _ or -`);
    }
    const deadline = new Deadline(this.#options.deadlineMs ?? DEADLINE_MS, `HAProxy, ${name} of "${service}"`);
    return { plane: this.#plane, service, deadline };
  }
}

const control = ({ plane, service, deadline }: Call, ramp?: Pick<Ramp, 'id'>): Promise<ControlState> =>
  plane.control(service, ramp?.id, deadline);

function receipt(kind: Receipt['kind'], intent: RouteIntent): Receipt {
  return { kind, ramp: intent.ramp.id, sequence: intent.sequence };
}

function check(intent: RouteIntent): void {
  checkIntent(intent, STEP_BP);
  const slot = slotOf(intent.stable);
  if (slot === slotOf(intent.candidate)) throw permanent(`stable and candidate are both in the slot ${slot}`);
}
