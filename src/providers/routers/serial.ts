/**
 * One at a time per key. An attempt that timed out and its retry may run in one process: reading and writing then must not
 * interleave. Between processes deadlines and sequences do this. A failed task never keeps the next one from running.
 */
export class Serial {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(task, task);
    this.#last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    }
  }
}
