import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openRamp } from '../../src/domain/ramp.js';

test('a ramp has an id that every router takes, whatever its release is called, and where it has no name', () => {
  const idOf = (release: string): string => openRamp(release, 'run', 1, 1, 'rollout/test/app').id;
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (release) => /^[A-Za-z0-9_-]+~[0-9a-f]{8}$/.test(idOf(release))));
  assert.match(idOf(''), /^unnamed~[0-9a-f]{8}$/);
});
