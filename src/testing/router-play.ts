import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { RouteIntent } from '../domain/route.js';
import type { BasisPoints, Ramp } from '../domain/words.js';
import type { Receipt, TrafficRouter } from '../providers/ports.js';
import { bucketOf } from './buckets.js';
import type { RouterStage } from './router-stage.js';

export const OWNER = 'rollout/production/app';
/** Far longer than any test. */
export const LEASE_MS = 60_000;
/** How long a router may take until a write shows. */
const CONVERGES_WITHIN_MS = 10_000;

/** Ramp ids are never reused, so each test takes its own. */
export function ramp(release: string, epoch: number, owner = OWNER): Ramp {
  const suffix = (bucketOf(`${release}/${String(epoch)}/${owner}`) + 0x10_000_000).toString(16);
  return { id: `${release}~${suffix}`, epoch, owner };
}

/** What a test does with a router, in few words. */
export class RouterPlay {
  readonly router: TrafficRouter;

  constructor(readonly stage: RouterStage) {
    this.router = stage.router;
  }

  intent(of: Ramp, sequence: number, candidateBp: BasisPoints, more: Partial<RouteIntent> = {}): RouteIntent {
    const { stable, candidate } = this.stage;
    return { stable, candidate, candidateBp, ramp: of, sequence, sticky: true, ...more };
  }

  apply(intent: RouteIntent, leaseMs = LEASE_MS): Promise<Receipt> {
    return this.router.apply(this.stage.target, intent, leaseMs);
  }

  /** A write that must be applied and converge. */
  async shift(of: Ramp, sequence: number, candidateBp: BasisPoints, leaseMs = LEASE_MS): Promise<Receipt> {
    const receipt = await this.apply(this.intent(of, sequence, candidateBp), leaseMs);
    assert.deepEqual(receipt, { kind: 'applied', ramp: of.id, sequence });
    await this.converged(receipt);
    return receipt;
  }

  async converged(receipt: Receipt): Promise<void> {
    const end = performance.now() + CONVERGES_WITHIN_MS;
    for (;;) {
      const state = await this.router.confirm(this.stage.target, receipt);
      if (state === 'converged') return;
      assert.equal(state, 'pending', `the write of sequence ${String(receipt.sequence)} is ${state}`);
      assert.ok(
        performance.now() < end,
        `sequence ${String(receipt.sequence)} did not converge within ${String(CONVERGES_WITHIN_MS)} ms`,
      );
      await pause(20);
    }
  }

  async finalise(of: Ramp, sequence: number): Promise<Receipt> {
    return this.router.finalise(this.stage.target, this.intent(of, sequence, 0));
  }

  revoke(of: Ramp): Promise<Receipt> {
    return this.router.revoke(this.stage.target, of);
  }

  renew(of: Ramp, leaseMs = LEASE_MS): Promise<'renewed' | 'lapsed' | 'revoked'> {
    return this.router.renew(this.stage.target, of, leaseMs);
  }

  read(): ReturnType<TrafficRouter['read']> {
    return this.router.read(this.stage.target);
  }

  /** The users of 0 to `count` who are on the candidate. */
  async onCandidate(count = 200): Promise<ReadonlySet<string>> {
    const users = Array.from({ length: count }, (_, number) => `user-${String(number)}`);
    const answers = await this.stage.ask(users);
    const { stable, candidate } = this.stage;
    for (const answer of answers) assert.ok(answer === stable.id || answer === candidate.id, `"${answer}" answered`);
    return new Set(users.filter((_, index) => answers[index] === candidate.id));
  }

  async everybodyIsOn(which: 'stable' | 'candidate', count = 100): Promise<void> {
    const moved = await this.onCandidate(count);
    assert.equal(moved.size, which === 'candidate' ? count : 0, `users of ${String(count)} on the candidate`);
  }

  /** `act` must change nothing that users see: the same users are on the candidate before and after. */
  async usersDoNotMove(act: () => Promise<void>): Promise<void> {
    const before = await this.onCandidate();
    await act();
    assert.deepEqual(await this.onCandidate(), before, 'users moved');
  }
}
