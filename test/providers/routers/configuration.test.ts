import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { request } from 'undici';
import {
  haproxyConfiguration,
  haproxyRunFiles,
  slotsFromEnvironment,
} from '../../../src/providers/routers/haproxy/configuration.js';
import { AccessLog, LOG_KEYS } from '../../harness/access-log.js';
import { Haproxy } from '../../harness/haproxy.js';
import { freePorts } from '../../harness/ports.js';
import { runToEnd } from '../../harness/processes.js';
import { TEMPLATE } from './support.js';

/** SLUICE_RENDER=1 writes the template anew before it is compared. */
void test('deploy/haproxy/haproxy.cfg is the rendering for one service, app', () => {
  const text = haproxyConfiguration({ services: [slotsFromEnvironment('app')] });
  if (process.env['SLUICE_RENDER'] === '1') writeFileSync(TEMPLATE, text);
  assert.equal(
    readFileSync(TEMPLATE, 'utf8'),
    text,
    'render it anew: SLUICE_RENDER=1 node --import tsx --test test/providers/routers/configuration.test.ts',
  );
});

void test('a line of the log has exactly the keys that its readers were promised, also for bytes that were no request', () => {
  const formats = haproxyConfiguration({ services: [slotsFromEnvironment('app')] }).match(/^ {2}(error-)?log-format .*$/gm) ?? [];
  assert.equal(formats.length, 2);
  for (const format of formats)
    assert.deepEqual(
      [...format.matchAll(/"(\w+)":/g)].map((match) => match[1]),
      LOG_KEYS,
    );
});

void test('the variables of a slot are named after the service', () => {
  assert.deepEqual(slotsFromEnvironment('answer-api').slots, {
    blue: '${ANSWER_API_BLUE_HOST-127.0.0.1}:${ANSWER_API_BLUE}',
    green: '${ANSWER_API_GREEN_HOST-127.0.0.1}:${ANSWER_API_GREEN}',
  });
});

void test('HAProxy accepts a rendering with several services and literal addresses without a warning', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cfg-'));
  try {
    const services = ['app', 'answer-api', 'x_1'].map((name) => ({
      name,
      slots: { blue: '127.0.0.1:9001', green: 'localhost:9002' },
    }));
    writeFileSync(join(folder, 'haproxy.cfg'), haproxyConfiguration({ services, drainCeilingS: 60, silenceS: 5 }));
    for (const [name, text] of Object.entries(haproxyRunFiles([{ name: 'app', stable: 'blue' }])))
      writeFileSync(join(folder, name), text);
    const environment = { RUN: folder, PORT: '9003', CTL: '9004', LOG: '9005', RELEASE_TOKEN: 'x'.repeat(16) };
    const words = ['-c', '-f', join(folder, 'haproxy.cfg')];
    const checked = await runToEnd({ name: 'haproxy -c', file: 'haproxy', arguments: words, environment }, { withinMs: 10_000 });
    assert.equal(checked.code, 0, checked.stderr);
    assert.doesNotMatch(checked.stderr, /WARNING|ALERT/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

void test('each service of a rendering has its own route, and an unknown one is refused by name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cfg-'));
  const log = await AccessLog.open();
  const [one, other] = (await freePorts(2)) as [number, number];
  const slots = { blue: `127.0.0.1:${String(one)}`, green: `127.0.0.1:${String(other)}` };
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    haproxyConfiguration({ services: ['first', 'second'].map((name) => ({ name, slots })) }),
  );
  const files = haproxyRunFiles([
    { name: 'first', stable: 'blue' },
    { name: 'second', stable: 'green' },
  ]);
  const haproxy = await Haproxy.start({
    config: join(folder, 'haproxy.cfg'),
    logPort: log.port,
    environment: {},
    service: 'first',
    files: { ...files, 'hosts.map': 'two.example second\n', 'paths.map': '/two/ second\n' },
  });
  try {
    assert.deepEqual([(await haproxy.route('first')).stable, (await haproxy.route('second')).stable], ['blue', 'green']);
    await assert.rejects(haproxy.route('third'), /404 \{"known":\["first","second"\]\}/);
    // Nobody listens in the slots, so HAProxy answers 503 itself, and says where it went.
    for (const [path, host, slot] of [
      ['/', 'one.example', 'blue'],
      ['/', 'TWO.example:80', 'green'],
      ['/two/x', 'one.example', 'green'],
    ] as const) {
      const answer = await request(`${haproxy.url}${path}`, { headers: { host }, reset: true });
      await answer.body.dump();
      assert.deepEqual([answer.statusCode, answer.headers['x-release-slot']], [503, slot]);
    }
  } finally {
    await haproxy.stop();
    await log.close();
    haproxy.removeRunFolder();
    rmSync(folder, { recursive: true, force: true });
  }
});

void test('a service that cannot stand in the configuration is refused by name', () => {
  const slots = { blue: '127.0.0.1:1', green: '127.0.0.1:2' };
  const bad: [readonly { readonly name: string; readonly slots: typeof slots }[], RegExp][] = [
    [[], /at least one service/],
    [[{ name: 'a b', slots }], /service name "a b"/],
    [
      [
        { name: 'a', slots },
        { name: 'a', slots },
      ],
      /"a" is listed twice/,
    ],
    [[{ name: 'a', slots: { ...slots, green: 'nowhere' } }], /"a", slot green: expected host:port, found "nowhere"/],
    [[{ name: 'a', slots: { ...slots, green: 'h:1"\nserver x' } }], /"a", slot green/],
  ];
  for (const [services, message] of bad)
    assert.throws(() => haproxyConfiguration({ services }), { name: 'ProviderError', kind: 'permanent', message });
});
