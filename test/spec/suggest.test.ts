import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../src/spec/suggest.js';

test('a slip of the finger finds its word', () => {
  assert.equal(nearest('servce', ['service', 'steps']), 'service');
  assert.equal(nearest('stpes', ['service', 'steps']), 'steps');
  assert.equal(nearest('soakmax', ['soak', 'soakMax']), 'soakMax');
});

test('words of Argo Rollouts and Flagger find ours where ours is known', () => {
  assert.equal(nearest('setWeight', ['weight', 'soak']), 'weight');
  assert.equal(nearest('analysis', ['gates']), 'gates');
  assert.equal(nearest('analysis', ['steps']), undefined);
});

test('nothing is suggested for a word that is near to none', () => {
  for (const word of ['foo', '', 'constructor', '__proto__']) assert.equal(nearest(word, ['service', 'steps']), undefined);
});
