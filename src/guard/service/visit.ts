/** One request on its way through a service: what it counts as, and that it is open until it has ended (R16). */
import { isStream } from '../http.js';
import type { ReleaseCounts } from './metrics.js';

export interface VisitContext {
  readonly counts: ReleaseCounts;
  /** Begun before the instance was warm. */
  readonly cold: boolean;
  /** As the router says it in `X-Route-Why`. */
  readonly why: string | undefined;
  readonly streamTypes: readonly string[] | undefined;
  /** Called once, with the status that was answered. */
  readonly onEnd: (status: number | undefined) => void;
}

/** Pinned by a probe, or a stream that came back to its revision by a cookie: not drawn by the weights (A9). */
const STEERED = ['pin', 'relpin'];

export class Visit {
  readonly #begun = performance.now();
  #status: number | undefined;
  #firstByteMs: number | undefined;
  #isStream = false;
  #isOver = false;

  constructor(private readonly context: VisitContext) {}

  /** The head goes out. */
  head(status: number, contentType: string | undefined): void {
    if (this.#status !== undefined || this.#isOver) return;
    this.#status = status;
    this.#firstByteMs = performance.now() - this.#begun;
    this.#isStream = isStream(contentType, this.context.streamTypes);
    if (this.#isStream) this.context.counts.openStreams(1);
  }

  /** `cut`: the service broke it off; `left`: who asked is gone. */
  end(how: 'whole' | 'cut' | 'left'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { counts, cold, why, onEnd } = this.context;
    const status = this.#status;
    if (this.#isStream) counts.openStreams(-1);
    if (why !== undefined && STEERED.includes(why)) {
      counts.pinned(status);
    } else {
      // Of a stream users wait for the first byte, of anything else for the last (A23); cold starts have a gate of their own.
      const waitedMs = this.#isStream ? this.#firstByteMs : performance.now() - this.#begun;
      counts.answered({ status, cold, waitedMs: cold ? undefined : waitedMs });
      if (how !== 'whole' && status !== undefined && status >= 200 && status <= 299)
        counts.cut(how === 'cut' ? 'server' : 'client');
    }
    onEnd(status);
  }
}
