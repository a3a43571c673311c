import type { Directive } from '../../src/domain/directing.js';

/** A ramp at its first steps; tests override what they are about. */
export function directiveWith(overrides: Partial<Directive> = {}): Directive {
  return {
    releaseId: '9f3c1e',
    phase: 'climbing',
    revisions: {
      stable: { id: 'blue', release: '1a2b3c', slot: 'blue', schemaPins: { schemaRev: 6, indexHash: 'i1', modelTag: 'm1' } },
      candidate: { id: 'green', release: '9f3c1e', slot: 'green', schemaPins: { schemaRev: 7, indexHash: 'i2', modelTag: 'm1' } },
    },
    batchPaused: true,
    revoked: [],
    ramp: { id: '9f3c1e~00000001', epoch: 3, owner: 'rollout/test/jobs' },
    sequence: 1,
    keepKeysForMs: 96 * 3_600_000,
    weightBp: 100,
    ...overrides,
  };
}
