import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseLogLine } from '../../../src/dataplane/exporter/log-line.js';
import { line } from './lines.js';

test('a line becomes a request', () => {
  assert.deepEqual(parseLogLine(`${line()}\n`), {
    kind: 'request',
    request: {
      at: 1_700_000_000_000,
      generation: 'r2~0a1b2c3d.4',
      service: 'app',
      slot: 'blue',
      role: 'stable',
      why: 'draw',
      release: 'r1',
      status: 200,
      totalMs: 40,
      firstByteMs: 30,
      termination: '----',
      contentType: 'application/json',
      pid: 100,
      stick: undefined,
    },
  });
});

test('what HAProxy does not know is undefined, and an unknown release is empty', () => {
  const parsed = parseLogLine(line({ slot: '-', role: '-', why: '-', release: '-', ct: '-', st: -1, Tr: -1 }));
  assert.ok(parsed.kind === 'request');
  const { slot, role, why, release, contentType, status } = parsed.request;
  assert.deepEqual([slot, role, why, release, contentType, status], [undefined, undefined, undefined, '', '', -1]);
  for (const unknown of ['unknown', '', undefined]) {
    const other = parseLogLine(line({ release: unknown }));
    assert.ok(other.kind === 'request' && other.request.release === '');
  }
});

test('who came back to the candidate was kept, or is broken away; a router of before does not say', () => {
  const stick = (said: unknown): unknown => {
    const parsed = parseLogLine(line({ stick: said }));
    return parsed.kind === 'request' && parsed.request.stick;
  };
  assert.deepEqual(['kept', 'broken', '-', undefined].map(stick), ['kept', 'broken', undefined, undefined]);
});

test('health and start-up messages are no JSON, and bytes that never became a request are nobody’s', () => {
  assert.equal(parseLogLine('Server app-green/s1 is DOWN, reason: Layer4 connection problem').kind, 'not-json');
  assert.equal(parseLogLine('').kind, 'not-json');
  assert.equal(parseLogLine(line({ svc: '-', st: 400 })).kind, 'no-request');
});

for (const [what, text] of [
  ['half a line', line().slice(0, 60)],
  ['a line that is too long', line({ ct: 'x'.repeat(10_000) })],
  ...(['svc', 'st', 'Ta', 'Tr', 'ts', 'pid'] as const).map(
    (field) => [`a line without ${field}`, line({ [field]: undefined })] as const,
  ),
  ['a status that is no number', line({ st: '200' })],
  ['a status that is no whole number', line({ st: 200.5 })],
  ['a time below -1', line({ Ta: -2 })],
  ['a reason that nobody knows', line({ why: 'because' })],
  ['a stay that nobody knows', line({ stick: 'perhaps' })],
  ['a role that nobody knows', line({ role: 'leader' })],
  ['a slot with a space', line({ slot: 'bl ue' })],
  ['a service with a line feed', line({ svc: 'a\nb' })],
  ['a release of 200 characters', line({ release: 'x'.repeat(200) })],
  ['a termination state of one character', line({ ts: '-' })],
] as const) {
  test(`${what} is invalid, never half counted`, () => {
    assert.equal(parseLogLine(text).kind, 'invalid');
  });
}

test('whatever arrives is taken for something, and nothing throws', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.string().map((text) => `{${text}`),
      ),
      (text) => ['request', 'not-json', 'no-request', 'invalid'].includes(parseLogLine(text).kind),
    ),
  );
});
