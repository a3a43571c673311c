import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measuredAt, type CustomMeasure } from '../../src/domain/custom-measure.js';

test('a connection is asked for the gates that name it, and for no others', () => {
  const at = (source: string): CustomMeasure => ({ source, kind: 'mapped', comparison: 'stable' });
  const gates = [
    { gate: 'errors' },
    { gate: 'custom:a', measure: at('prod') },
    { gate: 'custom:b', measure: at('other') },
    { gate: 'custom:old' },
  ] as const;
  assert.deepEqual(measuredAt('prod', gates), { a: at('prod') });
  assert.deepEqual(measuredAt('nobody', gates), {});
});
