const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

type Unit = keyof typeof UNIT_MS;

/** One whole number and one unit: what a person reads the same way twice. `1h30m` is written `90m`. */
export const DURATION_PATTERN = /^(\d{1,9})(ms|s|m|h|d)$/;

/** No field of a rollout is measured in years; more is a slip of the unit. */
export const LONGEST_MS = 366 * UNIT_MS.d;

/** Milliseconds, or undefined where the text is no duration. A bare number has no unit, so it is none. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = DURATION_PATTERN.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const ms = Number(digits) * UNIT_MS[unit as Unit];
  return ms <= LONGEST_MS ? ms : undefined;
}

/** The shortest text that `parseDuration` reads as `ms`, a whole number of milliseconds. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const unit = (['d', 'h', 'm', 's'] as const).find((candidate) => ms % UNIT_MS[candidate] === 0) ?? 'ms';
  return `${String(ms / UNIT_MS[unit])}${unit}`;
}
