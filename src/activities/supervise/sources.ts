import type { Cursors, Supervise } from '../../domain/effects.js';
import type { Cursor, Reading, Sample } from '../../domain/reading.js';
import type { GateName } from '../../domain/verdict.js';
import type { Target } from '../../domain/words.js';
import type { MetricSource, Observation } from '../../providers/ports.js';
import type { Clock, Log } from '../dependencies.js';
import { describeError } from '../failures.js';
import { measuredPair } from '../measured-pair.js';
import { LateCall } from './late-call.js';

interface Source {
  readonly name: string;
  readonly port: MetricSource;
  readonly call: LateCall<Observation>;
  last: { readonly reading: Reading; readonly at: number } | undefined;
  /** Why it gave nothing, or not all, at its last answer. */
  absent: readonly string[];
}

/** As many reasons stand in a judgement, each so long: it goes into the history at the end of every bucket. */
const MOST_REASONS = 3;
const LONGEST_REASON = 240;

/**
 * All metric connections of a supervision. Each has its own deadline; one that did not answer in time contributes its last
 * reading, grown older, so that the judge and not the clock of a tick says when it is stale.
 */
export class Sources {
  readonly #sources: readonly Source[];
  #cursors: Record<string, Cursor>;

  constructor(
    ports: readonly (readonly [name: string, source: MetricSource])[],
    cursors: Cursors,
    readonly about: {
      readonly target: Target;
      readonly supervise: Supervise;
      readonly clock: Clock;
      readonly logger: Log;
      readonly redact: (text: string) => string;
      readonly windowMs: number;
      readonly deadlineMs: number;
    },
  ) {
    this.#sources = ports.map(([name, port]) => ({
      name,
      port,
      call: new LateCall(about.clock, about),
      last: undefined,
      absent: [],
    }));
    this.#cursors = { ...cursors };
  }

  get cursors(): Cursors {
    return this.#cursors;
  }

  get calls(): readonly LateCall<unknown>[] {
    return this.#sources.map((source) => source.call);
  }

  /** What came late is taken first: its cursor is the newest. */
  start(signal: AbortSignal): void {
    const { target, supervise } = this.about;
    this.#takeAll();
    for (const { name, port, call } of this.#sources) {
      const cursor = this.#cursors[name] ?? 'begin';
      const pair = measuredPair(name, supervise.stable, supervise.candidate, supervise.policy.gates);
      call.start((cut) => port.read(target, pair, cursor, cut), signal);
    }
  }

  /** One reading; the first connection that measures a signal is believed. Absent stays absent: it is never zero. */
  reading(): Reading {
    this.#takeAll();
    const now = this.about.clock.monotonicMs();
    const aged = this.#sources.flatMap(({ last }) => (last === undefined ? [] : [growOlder(last.reading, now - last.at)]));
    return merge(aged);
  }

  /** What the sources had against it when they gave nothing, or not all. */
  get unread(): readonly string[] {
    const reasons = this.#sources.flatMap(({ name, absent }) => absent.map((why) => `metrics "${name}": ${why}`));
    // Cut last, or half of a secret might stay; and what a page says is no command to somebody's terminal.
    return reasons.slice(0, MOST_REASONS).map((why) =>
      this.about
        .redact(why)
        .replace(/\p{Cc}/gu, '?')
        .slice(0, LONGEST_REASON),
    );
  }

  #takeAll(): void {
    for (const source of this.#sources) {
      const outcome = source.call.take();
      if (outcome?.kind === 'value') {
        source.last = { reading: outcome.value.reading, at: outcome.at };
        source.absent = outcome.value.absent ?? [];
        this.#cursors = { ...this.#cursors, [source.name]: outcome.value.cursor };
      } else if (outcome !== undefined) {
        const error = describeError(outcome.error);
        source.absent = [error];
        this.about.logger.warn({ metrics: source.name, error }, 'a metric source could not be read');
      }
    }
  }
}

type Signal = Exclude<keyof Reading, 'custom'>;
const SIGNALS = [
  'errors',
  'latency',
  'coldStarts',
  'queueAgeS',
  'dedupe',
  'schemaRefusals',
  'stickiness',
] as const satisfies readonly Signal[];

function merge(readings: readonly Reading[]): Reading {
  const merged: { -readonly [K in keyof Reading]: Reading[K] } = {};
  for (const reading of [...readings].reverse()) {
    for (const signal of SIGNALS) if (reading[signal] !== undefined) Object.assign(merged, { [signal]: reading[signal] });
    if (reading.custom !== undefined) merged.custom = { ...merged.custom, ...reading.custom };
  }
  return merged;
}

function growOlder(reading: Reading, byMs: number): Reading {
  const older = <T>(sample: Sample<T>): Sample<T> => ({ ...sample, ageMs: sample.ageMs + byMs });
  const aged: { -readonly [K in keyof Reading]: Reading[K] } = {};
  for (const signal of SIGNALS) {
    const sample: Sample<unknown> | undefined = reading[signal];
    if (sample !== undefined) Object.assign(aged, { [signal]: older(sample) });
  }
  if (reading.custom !== undefined)
    aged.custom = Object.fromEntries(Object.entries(reading.custom).map(([name, sample]) => [name, older(sample)]));
  return aged;
}

const SIGNAL_OF: Readonly<Record<string, Signal>> = {
  errors: 'errors',
  latency: 'latency',
  'cold-starts': 'coldStarts',
  'queue-age': 'queueAgeS',
  dedupe: 'dedupe',
};

/** Whether one of these signals feeds the gate. */
export function isFed(gate: GateName, signals: readonly (keyof Reading)[]): boolean {
  const signal = gate.startsWith('custom:') ? 'custom' : SIGNAL_OF[gate];
  return signal !== undefined && signals.includes(signal);
}

/** The sample that a gate is judged on. */
export function sampleOf(reading: Reading, gate: GateName): Sample<unknown> | undefined {
  if (gate.startsWith('custom:')) return reading.custom?.[gate.slice('custom:'.length)];
  const signal = SIGNAL_OF[gate];
  return signal === undefined ? undefined : reading[signal];
}
