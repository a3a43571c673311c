import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../src/cli/exit-codes.js';
import { outputs, report } from '../../src/cli/report.js';
import { recorded } from './surroundings.js';

const refused = {
  exit: EXIT.refused,
  failed: true,
  lines: ['refused: it is open'],
  value: { service: 'answer-api', weightBp: 0, reason: 'it is\nopen', status: { nested: true } },
};

test('text goes to standard output, what could not be done to standard error', () => {
  const { surroundings, out, err } = recorded();
  assert.equal(report(surroundings, 'text', { ...refused, failed: false }), 4);
  assert.equal(report(surroundings, 'text', refused), 4);
  assert.deepEqual([out, err], [['refused: it is open'], ['sluice: refused: it is open']]);
});

test('json is one object on one line, with the exit code in it', () => {
  const { surroundings, out, err } = recorded();
  report(surroundings, 'json', refused);
  assert.deepEqual([JSON.parse(out.join()), err], [{ ...refused.value, exitCode: 4 }, []]);
});

test('github gets an annotation, plain outputs and a summary', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-report-'));
  try {
    const [output, summary] = [join(folder, 'output'), join(folder, 'summary')];
    const { surroundings, out } = recorded({ env: { GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary } });
    report(surroundings, 'github', { ...refused, summary: '### refused' });
    assert.deepEqual(out, ['::error title=Sluice::refused: it is open']);
    assert.equal(readFileSync(output, 'utf8'), 'service=answer-api\nweight-bp=0\nreason=it is open\nexit-code=4\n');
    assert.equal(readFileSync(summary, 'utf8'), '### refused\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a line break in a value cannot forge an output, nor one in a line an annotation', () => {
  assert.equal(outputs({ reason: 'a\nexit-code=0' }), 'reason=a exit-code=0');
  const { surroundings, out } = recorded();
  report(surroundings, 'github', { ...refused, lines: ['100 %\n::set-env::'] });
  assert.equal(out.at(-1), '::error title=Sluice::100 %25%0A::set-env::');
});

test('outside of GitHub nothing is written, and nothing fails', () => {
  const { surroundings } = recorded({ env: {} });
  assert.equal(report(surroundings, 'github', refused), 4);
});
