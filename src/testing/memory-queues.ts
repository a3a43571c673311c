import { isBefore } from '../domain/release-record.js';
import type { Target } from '../domain/words.js';
import type { QueueController, QueueDirective } from '../providers/ports.js';

/** Keeps what the services' guards would read: the directive with the highest epoch and sequence. */
export class MemoryQueues implements QueueController {
  /** Everything that was sent, late ones included, in the order of arrival. */
  readonly sent: QueueDirective[] = [];
  readonly #current = new Map<string, QueueDirective>();

  direct(target: Target, directive: QueueDirective): Promise<void> {
    this.sent.push(directive);
    const current = this.current(target);
    if (current === undefined || isBefore(current, directive)) this.#current.set(keyOf(target), directive);
    return Promise.resolve();
  }

  epoch(target: Target): Promise<number> {
    return Promise.resolve(this.current(target)?.ramp.epoch ?? 0);
  }

  current(target: Target): QueueDirective | undefined {
    return this.#current.get(keyOf(target));
  }
}

const keyOf = ({ environment, service }: Target): string => `${environment}/${service}`;
