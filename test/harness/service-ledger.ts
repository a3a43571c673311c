/** What a service itself counted: the witness that the proxy's log is held against. */

/** pinned: the proxy said that a pin brought it; user: it was routed by weight; direct: no proxy was in between. */
export type RequestKind = 'pinned' | 'user' | 'direct';

export interface KindCount {
  /** Requests begun. */
  readonly begun: number;
  /** Requests answered, by status. For a stream, when it began. */
  readonly answered: Readonly<Record<string, number>>;
}

export interface StreamReport {
  readonly number: number;
  readonly kind: RequestKind;
  readonly startedAt: number;
  /** Undefined while it is open. */
  readonly endedAt: number | undefined;
  /** True if the end marker was written and the connection took it; false for one that broke before. */
  readonly finished: boolean;
}

export interface LedgerReport {
  readonly counts: Readonly<Record<RequestKind, KindCount>>;
  /** Wall clock of the last request that was routed by weight; undefined if there was none. */
  readonly lastUserRequestAt: number | undefined;
  readonly streams: readonly StreamReport[];
}

export interface OpenStream {
  readonly number: number;
  /** Called once, with whether it ended whole. */
  close(finished: boolean): void;
}

export class Ledger {
  readonly #counts: Record<RequestKind, { begun: number; answered: Record<string, number> }> = {
    pinned: { begun: 0, answered: {} },
    user: { begun: 0, answered: {} },
    direct: { begun: 0, answered: {} },
  };
  readonly #streams: StreamReport[] = [];
  #lastUserRequestAt: number | undefined;

  kindOf(routeWhy: string | string[] | undefined): RequestKind {
    if (routeWhy === undefined) return 'direct';
    return routeWhy === 'pin' ? 'pinned' : 'user';
  }

  /** Returns the request's number among its kind, from 1. */
  begin(kind: RequestKind): number {
    if (kind === 'user') this.#lastUserRequestAt = Date.now();
    return ++this.#counts[kind].begun;
  }

  end(kind: RequestKind, status: number): void {
    const { answered } = this.#counts[kind];
    answered[String(status)] = (answered[String(status)] ?? 0) + 1;
  }

  openStream(kind: RequestKind): OpenStream {
    const index = this.#streams.length;
    const opened: StreamReport = { number: index + 1, kind, startedAt: Date.now(), endedAt: undefined, finished: false };
    this.#streams.push(opened);
    return {
      number: opened.number,
      close: (finished) => {
        this.#streams[index] = { ...opened, endedAt: Date.now(), finished };
      },
    };
  }

  report(): LedgerReport {
    return { counts: this.#counts, lastUserRequestAt: this.#lastUserRequestAt, streams: this.#streams };
  }
}
