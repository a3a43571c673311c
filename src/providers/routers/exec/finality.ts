import type { Found } from '../read-back.js';

/**
 * When a rollback is final on a platform that does not fence: not before every write that may have been under way when the ramp
 * was revoked has had its time, and not while one of them shows. A worker that did not revoke the ramp itself counts from when
 * it first hears of it, which is later, and so on the safe side.
 */
export class Finality {
  /** Ramp → when this process first knew of the revocation, by the monotonic clock. */
  readonly #knownSince = new Map<string, number>();

  /** @param underWayMs the longest time from a writer's reading until its write shows on every replica */
  constructor(
    private readonly underWayMs: number,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  revoked(ramp: string): void {
    if (!this.#knownSince.has(ramp)) this.#knownSince.set(ramp, this.monotonicMs());
  }

  /** `overwritten`: a late write has undone the revocation, or users are on the ramp; it must be revoked again. */
  judge(ramp: string, { route, revoked }: Found): 'overwritten' | 'under-way' | 'final' {
    this.revoked(ramp);
    if (!revoked || (route.ramp?.id === ramp && route.effectiveBp > 0)) return 'overwritten';
    const since = this.#knownSince.get(ramp) ?? 0;
    return this.monotonicMs() < since + this.underWayMs ? 'under-way' : 'final';
  }
}
