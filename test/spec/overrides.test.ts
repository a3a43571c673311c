import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FIVE_LINES, messages, parse, planOf } from './fixtures.js';

test('an override holds over the file, and a later one over an earlier one', () => {
  const plan = planOf(`${FIVE_LINES}drain: {min: 70s}\n`, { set: ['drain.min=80s', 'drain.min=90s'] });
  assert.equal(plan.drain.minMs, 90_000);
});

test('an override makes the mappings above it', () => {
  const plan = planOf(FIVE_LINES, { set: ['gates.errors.tolerance=0.1%', 'limits.blind=20m'] });
  assert.equal(plan.judge.gates[0]?.tolerance, 0.001);
  assert.equal(plan.limits.blindMs, 1_200_000);
});

test('lists and mappings are written as on one line of YAML, and items by their index', () => {
  const plan = planOf(FIVE_LINES, {
    set: ['steps=[5, {weight: 50, soak: 20m}, 100]', 'steps[0]=10', 'steps[1].soak=25m', 'steps.2=100'],
  });
  assert.deepEqual(
    plan.steps.map(({ weightBp, soakMs }) => [weightBp, soakMs]),
    [
      [1_000, 600_000],
      [5_000, 1_500_000],
      [10_000, 1_800_000],
    ],
  );
});

test('values are read by the schema: a release of digits stays text, a number becomes one', () => {
  const plan = planOf(FIVE_LINES, { set: ['candidate.release=1234567', 'minimumRequests=120', 'sticky=false'] });
  assert.deepEqual([plan.candidate.release, plan.judge.minimumRequests, plan.sticky], ['1234567', 120, false]);
});

test('a value is not substituted again, and may hold an equals sign', () => {
  assert.equal(planOf(FIVE_LINES, { set: ['probes.path=/a?b=c'] }).probes.path, '/a?b=c');
  assert.deepEqual(messages(FIVE_LINES, { set: ['candidate.release=${GITHUB_SHA}'] }), [
    '--set candidate.release: found "${GITHUB_SHA}", expected 1 to 128 letters, digits and . _ + - (a version such as 012 or 1.10 needs quotes)',
  ]);
  assert.match(
    messages(FIVE_LINES, { set: ['notify=["${GITHUB_SHA}"]'] })[0] ?? '',
    /^--set notify\[0\]: found "\$\{GITHUB_SHA\}", expected a name/,
  );
});

test('an override takes the place of a placeholder that is unset', () => {
  assert.equal(planOf(FIVE_LINES, { env: {}, set: ['candidate.release=v7'] }).candidate.release, 'v7');
  assert.equal(planOf(FIVE_LINES, { env: {}, set: ['candidate={release: v8, revision: blue}'] }).candidate.id, 'blue');
  assert.equal(messages(FIVE_LINES, { env: {}, set: ['candidate.revision=blue'] }).length, 1);
});

test('problems of overrides say --set, and come after those of the file', () => {
  assert.deepEqual(messages(`${FIVE_LINES}soak: 1\n`, { set: ['drain.min=5', 'stpes=[1]', 'steps=[5, 5, 100]'] }), [
    'rollout.yaml:6:7 soak: found 1, expected a duration of at least 1s such as 500ms, 5s, 5m, 2h or 1d',
    '--set drain.min: found "5", expected a duration such as 500ms, 5s, 5m, 2h or 1d',
    '--set stpes: found an unknown key, expected a known key; did you mean steps?',
    '--set steps[1]: found 5, expected more than the step before (5 %); weights rise strictly',
  ]);
});

test('an override that cannot be placed says why', () => {
  assert.deepEqual(
    messages(`${FIVE_LINES}steps: [5, 100]\n`, {
      set: ['drain', 'a b=1', 'steps[0].soak=20m', 'steps[7]=9', 'drain.min.x=[1', 'soak=['],
    }),
    [
      '--set: found "drain", expected path=value, such as drain.min=90s or steps[1].soak=20m',
      '--set: found "a b=1", expected path=value, such as drain.min=90s or steps[1].soak=20m',
      '--set steps[0].soak: found 5 at steps[0], expected a mapping; set steps[0] as a whole',
      '--set steps[7]: found the index 7, expected at most 2',
      '--set drain.min.x: found "[1", expected a YAML list or mapping on one line; Flow sequence in block collection must be sufficiently indented and end with a ]',
      '--set soak: found "[", expected a YAML list or mapping on one line; Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  );
});

test('no override throws, whatever it is', () => {
  const part = fc.constantFrom(
    'steps',
    'gates',
    '__proto__',
    'constructor',
    '[0]',
    '0',
    '[9]',
    '.',
    '=',
    '[',
    ']',
    '{',
    '}',
    'a',
    '${X}',
    '\n',
    ' ',
  );
  fc.assert(
    fc.property(
      fc.array(
        fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
        { maxLength: 3 },
      ),
      (set) => ['ok', 'invalid'].includes(parse(FIVE_LINES, { set }).kind),
    ),
  );
});
