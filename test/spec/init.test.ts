import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialRollout } from '../../src/spec/init.js';
import { CONFIG, FIVE_LINES, messages, planOf, platform } from './fixtures.js';

const GIVEN = {
  service: 'answer-api',
  environment: 'production',
  release: '${GITHUB_SHA}',
  revision: 'green',
  router: 'edge-haproxy',
  metrics: 'prod-prom',
};

test('the file of `sluice init` is the five lines, with all the rest in comments', () => {
  const text = initialRollout(GIVEN);
  assert.equal(planOf(text).digest, planOf(FIVE_LINES).digest);
  assert.deepEqual(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length, 5);
});

test('every line that is commented out says what holds anyway', () => {
  const text = initialRollout(GIVEN);
  const uncommented = text.replaceAll(/^#(?! )(?=\s*\S)/gm, '').replaceAll(/^#(?=  )/gm, '');
  assert.equal(planOf(uncommented).digest, planOf(FIVE_LINES).digest);
  for (const field of ['steps', 'soak', 'gates', 'limits', 'drain', 'keepStable'])
    assert.match(uncommented, new RegExp(`^${field}:`, 'm'));
});

/** Its revisions have ids of their own. */
const EXEC = platform(
  CONFIG.replace(
    'edge-haproxy: {type: edge, control: "http://127.0.0.1:1", public: "http://127.0.0.1:2", token: {env: TOKEN}}',
    'edge-haproxy: {type: exec, commands: {read: [r], apply: [a], revoke: [v], finalise: [f], confirm: [c]}}',
  ),
);

test('words that YAML would misread are quoted', () => {
  const given = { ...GIVEN, service: 'true', release: '1.10', revision: '0123' };
  assert.deepEqual(messages(initialRollout(given), { platform: EXEC }), []);
  assert.deepEqual(messages(initialRollout({ ...GIVEN, release: 'a\nprofile: rehearsal' })).length, 1);
});
