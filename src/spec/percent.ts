import { EVERYBODY, type BasisPoints } from '../domain/words.js';

/** A weight in percent, down to 0.01: `25`, `0.5`, `25%`, `25 %`. */
export const WEIGHT_PATTERN = /^(\d{1,3})(?:\.(\d{1,2}))?\s?%?$/;

/** A share in percent, down to 0.0001 %. The sign is needed: `0.05` could mean either 5 % or 0.05 %. */
export const SHARE_PATTERN = /^(\d{1,4}(?:\.\d{1,4})?)\s?%$/;

/** Basis points, or undefined where the text is no weight. Digits are moved, not multiplied: 0.29 % is 29, not 28.999…. */
export function parseWeight(weight: number | string): BasisPoints | undefined {
  const [, whole, fraction = ''] = WEIGHT_PATTERN.exec(String(weight)) ?? [];
  if (whole === undefined) return undefined;
  const basisPoints = Number(whole) * 100 + Number(fraction.padEnd(2, '0'));
  return basisPoints <= EVERYBODY ? basisPoints : undefined;
}

/** `25 %`, `0.05 %`. `parseWeight` reads it back. */
export function formatPercent(weightBp: BasisPoints): string {
  return `${String(weightBp / 100)} %`;
}

/** A fraction of 1, or undefined where the text is no share in percent: `0.05%` is 0.0005. */
export function parseShare(text: string): number | undefined {
  const [, percent] = SHARE_PATTERN.exec(text) ?? [];
  return percent === undefined ? undefined : Number(`${percent}e-2`);
}

/** `0.05 %` for 0.0005. `parseShare` reads it back. */
export function formatShare(share: number): string {
  return `${String(Number((share * 100).toFixed(4)))} %`;
}
