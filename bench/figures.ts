/** Figures as the benches print them: percentiles by nearest rank, each beside its bound, and what else the machine was doing. */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';

/** `--name value`, whole numbers or lists of words; anything else ends the bench with what it knows. */
export function readArguments<Defaults extends Readonly<Record<string, number | readonly string[]>>>(
  defaults: Defaults,
): { readonly [Name in keyof Defaults]: Defaults[Name] extends number ? number : readonly string[] } {
  const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ options });
  const read = ([name, standard]: [string, number | readonly string[]]) => {
    const written = values[name];
    if (typeof written !== 'string') return [name, standard] as const;
    if (typeof standard !== 'number') return [name, written.split(',')] as const;
    const count = Number(written);
    if (!Number.isInteger(count) || count < 0) throw new Error(`--${name}: found ${written}, expected a whole number from 0`);
    return [name, count] as const;
  };
  return Object.fromEntries(Object.entries(defaults).map(read)) as ReturnType<typeof readArguments<Defaults>>;
}

export type Bound = { readonly quantile: number; readonly atMostMs: number };

const QUANTILES = [0.5, 0.9, 0.99, 1];

/** The smallest value that at least this share of all does not exceed; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** One line: what, how often, p50, p90, p99 and the worst, in milliseconds; and a line a bound that says held or MISSED. */
export function printTimes(what: string, values: readonly number[], bounds: readonly Bound[] = []): void {
  const figures = QUANTILES.map((share) => `${nameOf(share)} ${milliseconds(quantile(values, share))}`).join('  ');
  console.log(`${what}: n ${String(values.length)}  ${figures}`);
  for (const bound of bounds) {
    const found = quantile(values, bound.quantile);
    printBound(`${nameOf(bound.quantile)} ≤ ${String(bound.atMostMs)} ms`, milliseconds(found), found <= bound.atMostMs);
  }
}

/** A bench measures and never fails: a missed bound is said, and the exit code stays 0. */
export function printBound(bound: string, found: string, held: boolean): void {
  console.log(`  bound ${bound}: ${held ? 'held' : `MISSED (${found})`}`);
}

export function printLoad(when: 'start' | 'end'): void {
  const load = loadavg().map((value) => value.toFixed(2));
  console.log(`load average at the ${when}: ${load.join(' ')} (${new Date().toISOString().slice(11, 19)}Z)`);
}

const nameOf = (share: number): string => (share === 1 ? 'max' : `p${String(Math.round(share * 100))}`);
const milliseconds = (value: number): string => (Number.isNaN(value) ? '–' : `${value.toFixed(0)} ms`);
