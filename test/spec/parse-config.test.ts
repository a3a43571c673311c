import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../src/spec/parse-config.js';
import { CONFIG, configMessages, platform } from './fixtures.js';

const LEAST = 'environments: {production: {production: true}}\n';

test('the least configuration has an environment; the rest has defaults', () => {
  const config = platform(LEAST);
  assert.deepEqual(config.temporal, { address: '127.0.0.1:7233', namespace: 'default' });
  assert.deepEqual([config.limits.rollouts, Object.keys(config.routers), config.profiles], [500, [], {}]);
  assert.match(
    configMessages('limits: {rollouts: 3}\n')[0] ?? '',
    /environments: found nothing, expected a mapping from environments/,
  );
  assert.match(configMessages('environments: {}\n')[0] ?? '', /environments: found a mapping, expected at least one environment/);
  assert.match(
    configMessages('environments: {staging: {}}\n')[0] ?? '',
    /environments\.staging\.production: found nothing, expected true or false/,
  );
});

test('connections are told apart by their type', () => {
  const { routers, metrics } = platform();
  assert.deepEqual(routers['edge-haproxy'], {
    type: 'edge',
    control: 'http://127.0.0.1:1',
    public: 'http://127.0.0.1:2',
    token: { secret: 'env', name: 'TOKEN' },
  });
  assert.deepEqual(metrics['prod-prom'], { type: 'prometheus', url: 'http://127.0.0.1:9090', scrapeInterval: 15_000 });
});

test('an unknown type, an unknown key and a missing one are reported with their places', () => {
  assert.deepEqual(
    configMessages(
      `${LEAST}routers:\n  a: {type: haproxi}\n  b: {type: edge, control: "http://x", publc: "http://y", token: {env: T}}\n  c: {}\n  "d e": {type: edge}\n`,
    ),
    [
      'sluice.config.yaml:3:13 routers.a.type: found "haproxi", expected a connection with type: haproxy | edge | exec',
      'sluice.config.yaml:4:6 routers.b.public: found nothing, expected an address http://… or https://… without user and password',
      'sluice.config.yaml:4:40 routers.b.publc: found an unknown key, expected a known key; did you mean public?',
      'sluice.config.yaml:5:6 routers.c.type: found nothing, expected a connection with type: haproxy | edge | exec',
      'sluice.config.yaml:6:3 routers["d e"]: found the key "d e", expected a name of 1 to 63 letters, digits and . _ -',
    ],
  );
});

test('a secret that stands in the file is an error that says so and does not repeat it', () => {
  const text = `${LEAST}
temporal: {apiKey: hunter2}
routers: {e: {type: edge, control: "http://x", public: "http://admin:hunter2@y", token: hunter2}}
metrics: {p: {type: prometheus, url: "http://x", scrapeInterval: 15s, headers: {Authorization: Bearer hunter2}}}
notifiers: {s: {type: slack, url: "https://hooks.example.com/hunter2"}, w: {type: webhook, url: "http://x", hmacSecret: {env: "hunter2 hunter2"}}}
`;
  const problems = configMessages(text);
  assert.deepEqual(problems, [
    'sluice.config.yaml:3:20 temporal.apiKey: found a value that is not shown, expected a reference, {env: NAME} or {file: PATH}; a secret never stands in this file',
    'sluice.config.yaml:4:56 routers.e.public: found a value that is not shown, expected an address http://… or https://… without user and password',
    'sluice.config.yaml:4:89 routers.e.token: found a value that is not shown, expected a reference, {env: NAME} or {file: PATH}; a secret never stands in this file',
    'sluice.config.yaml:5:96 metrics.p.headers.Authorization: found a value that is not shown, expected a reference, {env: NAME} or {file: PATH}; a secret never stands in this file',
    'sluice.config.yaml:6:35 notifiers.s.url: found a value that is not shown, expected a reference, {env: NAME} or {file: PATH}; a secret never stands in this file',
    'sluice.config.yaml:6:127 notifiers.w.hmacSecret.env: found a value that is not shown, expected the name of an environment variable, not the secret itself',
  ]);
  assert.ok(!problems.join().includes('hunter2'));
});

test('addresses may come from the environment, and what it held is never shown', () => {
  const config = platform(`${LEAST}temporal: {address: "\${TEMPORAL_ADDRESS}"}\n`, { TEMPORAL_ADDRESS: 'temporal:7233' });
  assert.equal(config.temporal.address, 'temporal:7233');
  assert.deepEqual(configMessages(`${LEAST}temporal: {address: "\${TEMPORAL_ADDRESS}"}\n`, { TEMPORAL_ADDRESS: 'hunter2' }), [
    'sluice.config.yaml:2:21 temporal.address: found ${TEMPORAL_ADDRESS}, expected host:port',
  ]);
  assert.match(
    configMessages(`${LEAST}temporal: {address: "\${TEMPORAL_ADDRESS}"}\n`)[0] ?? '',
    /the environment variable TEMPORAL_ADDRESS to be set/,
  );
});

test('the allow-list names connections and environments that exist', () => {
  assert.deepEqual(
    configMessages(
      `${CONFIG}allow:\n  routers: {edge-haprox: {environments: [productoin]}}\n  metrics: {prod-prom: {services: ["A*"]}}\n`,
    ),
    [
      'sluice.config.yaml:19:26 allow.routers.edge-haprox: found "edge-haprox", expected one of edge-haproxy, other; did you mean edge-haproxy?',
      'sluice.config.yaml:19:42 allow.routers.edge-haprox.environments[0]: found "productoin", expected one of production, staging; did you mean production?',
      'sluice.config.yaml:20:36 allow.metrics.prod-prom.services[0]: found "A*", expected the name of a service, or its beginning and *',
    ],
  );
});

test('an API key is never sent in the clear, and a client certificate needs its key', () => {
  assert.deepEqual(configMessages(`${LEAST}temporal: {apiKey: {env: KEY}, tls: false}\n`), [
    'sluice.config.yaml:2:37 temporal.tls: found false, expected true; an apiKey is never sent in the clear',
  ]);
  assert.deepEqual(configMessages(`${LEAST}temporal: {tls: {key: {file: /k}}}\n`), [
    'sluice.config.yaml:2:23 temporal.tls.key: found one of certificate and key, expected both or none',
  ]);
  assert.deepEqual(platform(`${LEAST}temporal: {tls: true}\n`).temporal.tls, true);
});

test('exec connections are programs with arguments, not lines for a shell', () => {
  const commands = '{read: [r], apply: [a], revoke: [v], finalise: [f], confirm: [c]}';
  assert.deepEqual(configMessages(`${LEAST}routers: {x: {type: exec, commands: ${commands}}}\n`), []);
  assert.match(
    configMessages(`${LEAST}routers: {x: {type: exec, commands: ${commands.replace('[r]', 'rm -rf')}}}\n`).join(),
    /commands\.read: found "rm -rf", expected a program and its arguments, as a list/,
  );
});

test('no text throws', () => {
  const part = fc.constantFrom(
    'routers',
    'metrics',
    'environments',
    'profiles',
    'floors',
    'allow',
    'temporal',
    'tls',
    'type',
    'haproxy',
    ': ',
    '\n',
    '\n  ',
    '{',
    '}',
    '[',
    ']',
    ', ',
    '__proto__',
    '"',
    '- ',
    '${A}',
    'true',
    '5m',
    '*a',
    '&a ',
  );
  const soup = fc.array(part, { maxLength: 40 }).map((parts) => parts.join(''));
  const grown = fc
    .tuple(fc.nat({ max: CONFIG.length }), soup)
    .map(([at, noise]) => CONFIG.slice(0, at) + noise + CONFIG.slice(at));
  fc.assert(
    fc.property(fc.oneof(soup, grown), (text) => ['ok', 'invalid'].includes(parseConfig(text, { file: 'f', env: {} }).kind)),
    { numRuns: 300 },
  );
});
