import type { Notice, Notifier } from '../providers/ports.js';

/** Delivers each deduplication id once, as a real channel should. */
export class MemoryNotifier implements Notifier {
  readonly notices: Notice[] = [];
  readonly #delivered = new Set<string>();

  send(notice: Notice, deduplicationId: string): Promise<void> {
    if (!this.#delivered.has(deduplicationId)) this.notices.push(notice);
    this.#delivered.add(deduplicationId);
    return Promise.resolve();
  }
}
