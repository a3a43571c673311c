import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LATENCY_BOUNDS_MS, inSeconds } from '../../../src/domain/latency-bounds.js';
import { codeClassOf, cutBy, latencyOf, trafficOf } from '../../../src/dataplane/exporter/classify.js';
import type { LoggedRequest } from '../../../src/dataplane/exporter/log-line.js';

const request = (fields: Partial<LoggedRequest> = {}): LoggedRequest => ({
  at: 0,
  generation: '',
  service: 'app',
  slot: 'blue',
  role: 'stable',
  why: 'draw',
  release: 'r1',
  status: 200,
  totalMs: 900,
  firstByteMs: 30,
  termination: '----',
  contentType: 'application/json',
  pid: 1,
  stick: undefined,
  ...fields,
});

test('only pins, relpins and requests without a slot are not users’', () => {
  for (const why of ['no-lease', 'no-candidate', 'bucket', 'draw', 'candidate-down'] as const)
    assert.equal(trafficOf(request({ why })), 'user');
  assert.equal(trafficOf(request({ why: 'pin' })), 'pinned');
  assert.equal(trafficOf(request({ why: 'relpin' })), 'relpin');
  for (const missing of [{ slot: undefined }, { role: undefined }, { why: undefined }])
    assert.equal(trafficOf({ ...request({ why: 'pin' }), ...missing }), 'unrouted');
});

test('a stream that the slot or its silence broke after a 200 is cut by the server; clients may leave', () => {
  for (const termination of ['SD--', 'sD--', 'SDNI', 'PD--', 'RD--', 'ID--', 'DD--'])
    assert.equal(cutBy(request({ termination })), 'server', termination);
  for (const termination of ['KD--', 'UD--']) assert.equal(cutBy(request({ termination })), 'operator', termination);
  for (const termination of ['----', 'CD--', 'cD--', 'SH--', 'sH--', 'LR--', 'SL--', '-D'])
    assert.equal(cutBy(request({ termination })), undefined, termination);
});

test('an answer that was an error anyway is not counted as cut as well', () => {
  for (const status of [502, 404, 304, -1, 101])
    assert.equal(cutBy(request({ status, termination: 'SD--' })), undefined, String(status));
  assert.equal(cutBy(request({ status: 206, termination: 'SD--' })), 'server');
});

test('streamed answers are timed to the first byte, others to the last', () => {
  const streamed = ['text/event-stream', 'application/x-ndjson'];
  assert.equal(latencyOf(request(), streamed), 900);
  assert.equal(latencyOf(request({ contentType: 'text/event-stream' }), streamed), 30);
  assert.equal(latencyOf(request({ contentType: 'Application/X-NDJSON ; charset=utf-8' }), streamed), 30);
  assert.equal(latencyOf(request({ contentType: 'text/event-streams' }), streamed), 900);
  assert.equal(
    latencyOf(request({ contentType: 'text/event-stream', firstByteMs: -1 }), streamed),
    900,
    'it never came: the user waited to the end',
  );
  assert.equal(latencyOf(request({ totalMs: -1 }), streamed), undefined);
});

test('status codes fall into classes', () => {
  assert.deepEqual([101, 200, 302, 421, 503, -1, 0, 600].map(codeClassOf), [
    '1xx',
    '2xx',
    '3xx',
    '4xx',
    '5xx',
    'none',
    'none',
    'none',
  ]);
});

test('1.1 times a bound is the next bound, to the twelfth digit, from 1 ms to over 60 s, also by way of seconds and text', () => {
  assert.equal(LATENCY_BOUNDS_MS[0], 1);
  const last = LATENCY_BOUNDS_MS.at(-1) ?? 0;
  assert.ok(last >= 60_000 && last < 66_001, String(last));
  const read = inSeconds(LATENCY_BOUNDS_MS).map((bound) => Number((Number(String(bound)) * 1_000).toPrecision(12)));
  assert.deepEqual(read, LATENCY_BOUNDS_MS);
  for (const [index, bound] of read.slice(1).entries()) assert.ok(Math.abs(bound / ((read[index] ?? 0) * 1.1) - 1) < 1e-9);
});
