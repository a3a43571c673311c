/** An experiment: cells, each run many times on streams of its own, and what follows from the outcomes. */
import { randomFrom, type Random } from './random.js';

export interface Bound {
  /** What was promised. */
  readonly what: string;
  readonly found: string;
  readonly held: boolean;
  /** Missed by no more than what chance does in so many runs, here and in the table that the bound comes from. */
  readonly byChance?: boolean;
}

export interface Report {
  /** A line a cell, as numbers, for the file that machines read. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** The same for people, as Markdown. */
  readonly table: string;
  readonly bounds: readonly Bound[];
}

export interface Experiment {
  readonly name: string;
  readonly title: string;
  readonly cells: number;
  /** Runs a cell; `quick` tests the bench itself. */
  readonly runs: { readonly full: number; readonly quick: number };
  /** One run of one cell; the same numbers give the same outcome. Outcomes are plain data. */
  readonly run: (cell: number, run: number) => unknown;
  readonly report: (outcomes: readonly (readonly unknown[])[]) => Report;
  /** What docs/judge.md shows of it, where the table is too long for that. */
  readonly digest?: (rows: Report['rows']) => string;
}

interface Definition<Cell, Outcome> extends Pick<Experiment, 'name' | 'title' | 'runs' | 'digest'> {
  readonly cells: readonly Cell[];
  readonly run: (cell: Cell, random: Random, run: number) => Outcome;
  readonly report: (cells: readonly { readonly cell: Cell; readonly outcomes: readonly Outcome[] }[]) => Report;
}

export function experiment<Cell, Outcome>({ cells, run, report, ...rest }: Definition<Cell, Outcome>): Experiment {
  const { name } = rest;
  const seed = Buffer.from(name).reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 7);
  return {
    ...rest,
    cells: cells.length,
    run: (cell, index) => run(cells[cell]!, randomFrom(seed, cell + 1, index + 1), index),
    report: (outcomes) => report(cells.map((cell, k) => ({ cell, outcomes: (outcomes[k] ?? []) as readonly Outcome[] }))),
  };
}

export const shareOf = <T>(values: readonly T[], counts: (value: T) => boolean): number =>
  values.filter(counts).length / Math.max(1, values.length);

/** The median run's time, or undefined where fewer than half got there. */
export function medianMs(times: readonly (number | null)[]): number | undefined {
  return quantileMs(times, 0.5);
}

export function quantileMs(times: readonly (number | null)[], share: number): number | undefined {
  const sorted = times.map((time) => time ?? Infinity).toSorted((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Infinity;
  return Number.isFinite(found) ? found : undefined;
}

/** The time below which the true median hardly lies (95 %), were it compared with one of so many runs. */
export function leastMedianMs(times: readonly (number | null)[], comparedRuns: number): number {
  const sorted = times.map((time) => time ?? Infinity).toSorted((a, b) => a - b);
  const spread = 0.98 * Math.sqrt(times.length * (1 + times.length / comparedRuns));
  return sorted[Math.max(0, Math.floor(times.length / 2 - spread))] ?? Infinity;
}

export const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;
export const seconds = (ms: number | undefined): string => (ms === undefined ? '–' : String(ms / 1_000));

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
