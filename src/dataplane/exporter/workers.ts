/**
 * HAProxy's worker processes by their pids. After a reload the old worker still answers on kept connections, with its old maps
 * and with `nbsrv` 0, so that its `candidate-down` means nothing (haproxy-notes.md). The log alone tells old from new: the
 * worker that was seen first last is the current one. One exporter serves one HAProxy.
 */

/** Longer than `hard-stop-after` leaves an old worker. */
const FORGET_MS = 15 * 60_000;

export class Workers {
  readonly #lastSeen = new Map<number, number>();
  #current: number | undefined;

  /** `nowMs` is monotonic. */
  note(pid: number, nowMs: number): 'current' | 'draining' {
    if (!this.#lastSeen.has(pid)) {
      for (const [old, seen] of this.#lastSeen) if (nowMs - seen > FORGET_MS) this.#lastSeen.delete(old);
      this.#current = pid;
    }
    this.#lastSeen.set(pid, nowMs);
    return pid === this.#current ? 'current' : 'draining';
  }
}
