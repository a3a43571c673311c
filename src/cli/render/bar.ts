import { EVERYBODY, type BasisPoints } from '../../domain/words.js';

/** `███░░░░░░░`. Somebody on the candidate is never an empty bar, and somebody left on stable never a full one. */
export function bar(weightBp: BasisPoints, width = 10): string {
  const rounded = Math.round((weightBp / EVERYBODY) * width);
  const least = weightBp > 0 ? 1 : 0;
  const most = weightBp < EVERYBODY ? width - 1 : width;
  const full = Math.min(most, Math.max(least, rounded));
  return '█'.repeat(full) + '░'.repeat(width - full);
}
