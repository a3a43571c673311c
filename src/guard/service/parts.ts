/**
 * What of the guard may be on in a service, as its identity endpoint says it (design.md §4), and what each part gives the
 * controller. A part that is not told is not there.
 */
import type { GateName } from '../../domain/verdict.js';

export const PARTS = [
  'idempotency',
  'webhooks',
  'metrics',
  'queue-age',
  'warm-up',
  'drain',
  'partitions',
  'schema-pins',
  'stickiness',
  'retry',
  'release-record',
] as const;

export type Part = (typeof PARTS)[number];

/** Gates that a metrics connection `from: guard` can feed while the part is on. The other parts feed none. */
export const GATES_OF: Readonly<Partial<Record<Part, readonly GateName[]>>> = {
  idempotency: ['dedupe'],
  metrics: ['errors', 'latency', 'cold-starts'],
  'queue-age': ['queue-age'],
};
