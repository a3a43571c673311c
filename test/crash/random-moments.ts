import { createHash } from 'node:crypto';
import type { Moment } from './crash.js';

/** Moments spread over a run, the same for the same name. */
export function randomMoments(name: string, count: number, tookMs: number): readonly Moment[] {
  return Array.from({ length: count }, (_, index) => {
    const digest = createHash('sha256')
      .update(`${name} ${String(index)}`)
      .digest();
    return { kind: 'after', ms: Math.round((digest.readUInt32BE(0) / 2 ** 32) * tookMs) };
  });
}
