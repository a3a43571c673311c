import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { substitute } from '../../src/spec/substitution.js';
import { FIVE_LINES, messages, planOf } from './fixtures.js';

test('placeholders are replaced, and $${ stands for ${', () => {
  const result = substitute('a-${X}-$${X}-${Y}-$X', { X: '1', Y: '' });
  assert.deepEqual(result, { kind: 'text', text: 'a-1-${X}--$X', changed: true });
});

test('a placeholder inside a value stays text', () => {
  assert.deepEqual(substitute('${X}', { X: '${Y}', Y: 'no' }), { kind: 'text', text: '${Y}', changed: true });
});

test('an unset variable is named, even where the prototype of an object has its name', () => {
  assert.deepEqual(substitute('${NOPE}', {}), { kind: 'unset', name: 'NOPE' });
  assert.deepEqual(substitute('${constructor}', {}), { kind: 'unset', name: 'constructor' });
});

test('a placeholder that is no name is refused, not passed on', () => {
  for (const text of ['${}', '${1X}', '${A:-b}', '${A', '${A-B}'])
    assert.equal(substitute(text, { A: 'a' }).kind, 'malformed', text);
});

test('an unset variable is one problem, and nothing that follows from it is another', () => {
  assert.deepEqual(messages(FIVE_LINES, { env: {} }), [
    'rollout.yaml:3:22 candidate.release: found ${GITHUB_SHA}, expected the environment variable GITHUB_SHA to be set; write $${ for a literal ${',
  ]);
});

test('a value that does not fit is shown with the placeholder it came from', () => {
  assert.deepEqual(messages(FIVE_LINES, { env: { GITHUB_SHA: 'feature/x' } }), [
    'rollout.yaml:3:22 candidate.release: found "feature/x" (from ${GITHUB_SHA}), expected 1 to 128 letters, digits and . _ + - (a version such as 012 or 1.10 needs quotes)',
  ]);
});

test('a release of digits alone stays text', () => {
  assert.equal(planOf(FIVE_LINES, { env: { GITHUB_SHA: '1234567' } }).candidate.release, '1234567');
});

test('numbers and switches may come from the environment', () => {
  const plan = planOf(
    `${FIVE_LINES}sticky: "\${STICKY}"\nminimumRequests: "\${LEAST}"\nsoak: "\${SOAK}"\nsteps: ["\${FIRST}", 100]\n`,
    { env: { GITHUB_SHA: 'a', STICKY: 'false', LEAST: '77', SOAK: '12m', FIRST: '0.5%' } },
  );
  assert.deepEqual(
    [plan.sticky, plan.judge.minimumRequests, plan.steps[0]?.soakMs, plan.steps[0]?.weightBp],
    [false, 77, 720_000, 50],
  );
});

test('no value of a variable changes the structure of the file', () => {
  const nasty = fc.oneof(
    fc.string(),
    fc.string({
      unit: fc.constantFrom('\n', ':', ' ', '{', '}', '[', ']', '"', "'", '#', '-', ',', '&', '*', '!', '|', 'a', 'router'),
    }),
    fc.constantFrom(
      'a\nrouter: other',
      'a, revision: blue}',
      'x}\nprofile: rehearsal\n#',
      '"',
      '{a: b}',
      '- a',
      '*x',
      '!!js/function',
    ),
  );
  const healthy = planOf(FIVE_LINES, { env: { GITHUB_SHA: 'a' } });
  fc.assert(
    fc.property(nasty, (value) => {
      for (const written of ['"${X}"', "'${X}'", 'a${X}']) {
        const text = FIVE_LINES.replace('"${GITHUB_SHA}"', '"a"').replace(
          'metrics: prod-prom',
          `metrics: prod-prom\nprobes:\n  path: ${written.replace('a$', '/a$')}`,
        );
        const problems = messages(text, { env: { X: value } });
        // Either the value is a path, or it is the only thing that is wrong.
        if (problems.length > 0) assert.match(problems.join('\n'), /^rollout\.yaml:7:9 probes\.path: found [^\n]*$/);
        else {
          const { probes, digest: _, ...rest } = planOf(text, { env: { X: value } });
          const { probes: defaults, digest: __, ...others } = healthy;
          assert.deepEqual(rest, others);
          assert.deepEqual({ ...probes, path: '' }, { ...defaults, path: '' });
          assert.ok(probes.path.endsWith(value));
        }
      }
    }),
  );
});
