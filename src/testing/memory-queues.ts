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
    if (current === undefined || !isOlder(directive, current)) this.#current.set(keyOf(target), directive);
    return Promise.resolve();
  }

  current(target: Target): QueueDirective | undefined {
    return this.#current.get(keyOf(target));
  }
}

const keyOf = ({ environment, service }: Target): string => `${environment}/${service}`;

function isOlder(one: QueueDirective, other: QueueDirective): boolean {
  return one.ramp.epoch - other.ramp.epoch < 0 || (one.ramp.epoch === other.ramp.epoch && one.sequence < other.sequence);
}
