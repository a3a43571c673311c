/**
 * The embedded edge as a traffic router, for trying out and for tests.
 *
 * The rules of admission are HAProxy's. Between reading and writing stands nothing here: the edge carries out a write on the
 * very state that was read, or says that it has changed, and then everything is decided anew. So a write that was under way
 * for a minute, of a worker that was stopped or a network that was slow, changes nothing (I7).
 */
import type { RouteIntent, RouterCapabilities, RouteState } from '../../../domain/route.js';
import { STICKY_BY, type Ramp, type Revision, type Target } from '../../../domain/words.js';
import { permanent } from '../../errors.js';
import type { Inflight, ProbeRecipe, Receipt, TrafficRouter } from '../../ports.js';
import {
  admit,
  admitFinalise,
  checkIntent,
  checkLease,
  checkRamp,
  type Admission,
  type FinaliseAdmission,
} from '../admission.js';
import { Deadline } from '../slots/deadline.js';
import { echoAgrees, readEcho } from '../slots/echo.js';
import { LONGEST_OWNER, LONGEST_RELEASE, encodeWord, slotOf } from '../slots/names.js';
import { found, routeState, standing } from '../slots/state.js';
import { judgeReadBack, type Confirmation } from '../read-back.js';
import { EdgeControl, type EdgeState } from './control.js';

export interface EdgeRouterOptions {
  /** The edge's control endpoint, without a trailing slash. */
  readonly controlUrl: string;
  /** Where users reach the edge. Probes and echoes go there. */
  readonly publicUrl: string;
  /** Authorises control and pins. */
  readonly token: string;
  /** Longest time of one call. Must be shorter than the time-out of the activity that calls. 2,000 unless told. */
  readonly deadlineMs?: number;
  /** Unpinned echoes that must agree for a write to count as converged. 3 unless told. */
  readonly echoes?: number;
}

const STEP_BP = 1;

export class EdgeRouter implements TrafficRouter {
  readonly #options: EdgeRouterOptions;
  readonly #control: EdgeControl;

  constructor(options: EdgeRouterOptions) {
    this.#options = { ...options, publicUrl: options.publicUrl.replace(/\/$/, '') };
    this.#control = new EdgeControl(options.controlUrl.replace(/\/$/, ''), options.token);
  }

  describe(): Promise<RouterCapabilities> {
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
      echo: true,
      replicas: 1,
      propagationBoundS: 0,
    });
  }

  async read(target: Target): Promise<RouteState> {
    return routeState(await this.#control.read(target.service, undefined, this.#deadline('read', target)));
  }

  async apply(target: Target, intent: RouteIntent, leaseMs: number): Promise<Receipt> {
    check(intent);
    checkLease(leaseMs);
    return this.#write('apply', target, intent, (state) => {
      const admission = admit(standing(state, intent), intent);
      // The rollback's last word on its revoked ramp needs no lease.
      return {
        admission,
        body: { ...wordsOf(target, intent), ...(admission.kind === 'settle' ? {} : { leaseUntil: state.at + leaseMs }) },
      };
    });
  }

  async finalise(target: Target, intent: RouteIntent): Promise<Receipt> {
    check(intent);
    // Nothing is ever half promoted: the edge does it in one step.
    return this.#write('finalise', target, intent, (state) => ({
      admission: admitFinalise(standing(state, intent), intent, false),
      body: wordsOf(target, intent),
    }));
  }

  async revoke(target: Target, ramp: Ramp): Promise<Receipt> {
    checkRamp(ramp);
    await this.#control.revoke(target.service, ramp.id, this.#deadline('revoke', target));
    return { kind: 'revoked', ramp: ramp.id, sequence: 0 };
  }

  async confirm(target: Target, receipt: Receipt): Promise<Confirmation> {
    const deadline = this.#deadline('confirm', target);
    const read = found(await this.#control.read(target.service, receipt.ramp, deadline));
    const readBack = judgeReadBack(read, receipt);
    if (readBack !== 'converged') return readBack;
    for (let asked = 0; asked < (this.#options.echoes ?? 3); asked++) {
      if (!echoAgrees(await readEcho(this.#options.publicUrl, target.service, deadline), read, receipt)) return 'pending';
    }
    return 'converged';
  }

  async renew(target: Target, ramp: Ramp, leaseMs: number): Promise<'renewed' | 'lapsed' | 'revoked'> {
    checkRamp(ramp);
    checkLease(leaseMs);
    const deadline = this.#deadline('renew', target);
    const { at } = await this.#control.read(target.service, undefined, deadline);
    return this.#control.renew(target.service, ramp.id, at + leaseMs, deadline);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a rejection, not a throw, for an unknown slot
  async probe(_: Target, revision: Revision): Promise<ProbeRecipe> {
    const slot = slotOf(revision);
    const { publicUrl, token } = this.#options;
    return {
      url: publicUrl,
      headers: { 'X-Release': slot, 'X-Release-Token': token },
      answeredBy: { header: 'x-release-slot', value: slot },
    };
  }

  async inflight(target: Target, revision: Revision): Promise<Inflight> {
    const slot = slotOf(revision);
    const state = await this.#control.read(target.service, undefined, this.#deadline('inflight', target));
    return { active: state.sessions[slot], liveServers: state.liveServers[slot], at: state.at };
  }

  /** Decides on what was read, and again when that has changed by the time the write arrives. */
  async #write(
    operation: 'apply' | 'finalise',
    target: Target,
    intent: RouteIntent,
    decide: (state: EdgeState) => { readonly admission: Admission | FinaliseAdmission; readonly body: object },
  ): Promise<Receipt> {
    const deadline = this.#deadline(operation, target);
    const receipt = (kind: Receipt['kind']): Receipt => ({ kind, ramp: intent.ramp.id, sequence: intent.sequence });
    for (;;) {
      const state = await this.#control.read(target.service, intent.ramp.id, deadline);
      const { admission, body } = decide(state);
      switch (admission.kind) {
        case 'claim':
        case 'write':
        case 'promote':
        case 'settle':
          if ((await this.#control.write(operation, body, state.tag, deadline)) === 'written')
            return receipt(admission.kind === 'settle' ? 'revoked' : 'applied');
          break;
        case 'repeat':
          return receipt('applied');
        case 'superseded':
        case 'revoked':
          return receipt(admission.kind);
        case 'lapsed':
          await this.#control.revoke(target.service, intent.ramp.id, deadline);
          return receipt('revoked');
        case 'refused':
          throw admission.error;
      }
    }
  }

  #deadline(call: string, target: Target): Deadline {
    return new Deadline(this.#options.deadlineMs ?? 2_000, `embedded edge, ${call} of "${target.service}"`);
  }
}

function check(intent: RouteIntent): void {
  checkIntent(intent, STEP_BP);
  if (slotOf(intent.stable) === slotOf(intent.candidate))
    throw permanent(`stable and candidate are both in the slot ${slotOf(intent.stable)}`);
}

/** Owners and releases are anybody's text; the edge keeps words, as HAProxy does, because they go into its log and headers. */
function wordsOf({ service }: Target, intent: RouteIntent): object {
  const { stable, candidate, candidateBp, sticky, stickyBy, ramp, sequence } = intent;
  const placed = (revision: Revision) => ({
    slot: slotOf(revision),
    release: revision.release === '' ? '' : encodeWord(revision.release, LONGEST_RELEASE),
  });
  return {
    service,
    stable: placed(stable),
    candidate: placed(candidate),
    candidateBp,
    sticky,
    ...(stickyBy === undefined ? {} : { stickyBy }),
    ramp: { ...ramp, owner: encodeWord(ramp.owner, LONGEST_OWNER) },
    sequence,
  };
}
