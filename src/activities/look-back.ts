import type { Where } from '../contract/activities.js';
import type { Learnt, LookBack } from '../domain/effects.js';
import type { Cursor, Reading } from '../domain/reading.js';
import type { Revision } from '../domain/words.js';
import type { LookedBack, MetricSource } from '../providers/ports.js';
import type { Tools } from './dependencies.js';
import { describeError } from './failures.js';
import { measuredPair } from './measured-pair.js';
import { within } from './waiting.js';

const EVERY_MS = 1_000;
const DEADLINE_MS = 10_000;
/** How long a candidate that is warm waits for an answer about stable's past. */
const PATIENCE_MS = 5_000;

/** What one connection told, and why it told nothing. */
interface Told {
  readonly readings: readonly Reading[];
  readonly why?: string;
}

/**
 * Asks every metrics connection about stable's past while the candidate warms up (judge.md §0 "look-back"): once where it
 * remembers, each second where it only gathers. Nobody is on the candidate yet. Never throws: without a look-back the judge
 * learns during the soak.
 */
export class LookingBack {
  /** No further question is asked. */
  readonly #enough = new AbortController();
  /** What is still under way is given up. */
  readonly #over = new AbortController();
  readonly #told: Promise<readonly Told[]>;

  constructor(
    readonly tools: Tools,
    readonly where: Where,
    readonly candidate: Revision,
    readonly wanted: LookBack,
  ) {
    this.#told = Promise.all(where.connections.metrics.map((name) => this.#follow(name, tools.ports.metrics(name))));
  }

  /** The candidate is warm. What has been told is learnt. */
  async enough(): Promise<Learnt> {
    this.#enough.abort();
    const patience = this.tools.clock.sleep(PATIENCE_MS, this.#over.signal).then(() => {
      this.#over.abort();
    });
    const told = await this.#told;
    this.#over.abort();
    await patience;
    if (told.every(({ readings }) => readings.length === 0))
      return { kind: 'nothing', why: told.flatMap(({ why }) => why ?? []).join('; ') || 'there was no time to gather it' };
    const evidence = this.tools.judge.learn(
      this.wanted.policy,
      told.map(({ readings }) => readings),
    );
    return { kind: 'learnt', evidence };
  }

  stop(): void {
    this.#enough.abort();
    this.#over.abort();
  }

  async #follow(name: string, source: MetricSource): Promise<Told> {
    const readings: Reading[] = [];
    try {
      for (let cursor: Cursor | undefined = 'begin'; cursor !== undefined && !this.#enough.signal.aborted;) {
        const looked = await this.#ask(name, source, cursor);
        if (looked === undefined) return { readings, why: `metrics "${name}" cannot look back` };
        readings.push(...looked.readings);
        cursor = looked.cursor;
        if (cursor !== undefined) await this.tools.clock.sleep(EVERY_MS, this.#enough.signal);
      }
      return { readings };
    } catch (error) {
      return { readings, why: `metrics "${name}" does not tell stable's past: ${describeError(error)}` };
    }
  }

  async #ask(name: string, source: MetricSource, cursor: Cursor): Promise<LookedBack | undefined> {
    const { clock } = this.tools;
    const { stable, spanMs, policy } = this.wanted;
    const pair = measuredPair(name, stable, this.candidate, policy.gates);
    const ask = async (signal: AbortSignal) => source.lookBack?.(this.where.target, pair, cursor, spanMs, signal);
    return within(clock, DEADLINE_MS, ask, this.#over.signal);
  }
}
