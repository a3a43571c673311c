import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequest, takeAnswers, takeRequests } from './socket-command.js';

test('requests are taken whole, also in pieces and with a payload', () => {
  assert.deepEqual(takeRequests('show info\nset map /r/a.map k'), { requests: ['show info'], rest: 'set map /r/a.map k' });
  assert.deepEqual(takeRequests('add map /r/a.map <<\nk v\n'), { requests: [], rest: 'add map /r/a.map <<\nk v\n' });
  assert.deepEqual(takeRequests('add map /r/a.map <<\nk v\n\nshow info\n').requests, ['add map /r/a.map <<\nk v\n', 'show info']);
});

test('map writes are read with map, key and value, one by one in a line', () => {
  const [first, second] = parseRequest('set map /r/routes.map app1/r~1 green:100:on:r~1.2; add map /r/leases.map r~1 99');
  assert.deepEqual(first, {
    kind: 'map-write',
    text: 'set map /r/routes.map app1/r~1 green:100:on:r~1.2',
    worker: undefined,
    verb: 'set',
    map: 'routes',
    entries: [{ key: 'app1/r~1', value: 'green:100:on:r~1.2' }],
  });
  assert.equal(second?.kind === 'map-write' ? second.map : undefined, 'leases');
});

test('the worker that a master command is for is kept apart from the command', () => {
  const [command] = parseRequest('@!4711 add map /r/revoked.map r~1 1');
  assert.deepEqual([command?.worker, command?.text], ['!4711', 'add map /r/revoked.map r~1 1']);
});

test('a payload is part of its command', () => {
  const [command] = parseRequest('add map /r/leases.map <<\nr~1 5\nr~2 6\n');
  assert.deepEqual(command?.kind === 'map-write' ? command.entries : [], [
    { key: 'r~1', value: '5' },
    { key: 'r~2', value: '6' },
  ]);
});

// The answers below are what HAProxy 2.6.12 sent.
test('answers end with an empty line, and success is the empty line alone', () => {
  assert.deepEqual(takeAnswers('\n'), { answers: [''], rest: '' });
  assert.deepEqual(takeAnswers('\n\nentry not found.\n\n0x1 x 2\n0x2 y 3\n\n').answers, [
    '',
    '',
    'entry not found.',
    '0x1 x 2\n0x2 y 3',
  ]);
  assert.deepEqual(takeAnswers('entry not'), { answers: [], rest: 'entry not' });
});

test('the prompt of interactive mode is no answer', () => {
  assert.deepEqual(takeAnswers('\n> \n> entry not found.\n\n> '), { answers: ['', '', 'entry not found.'], rest: '' });
});
