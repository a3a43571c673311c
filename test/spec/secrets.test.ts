import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderUnresolved, resolveSecrets } from '../../src/spec/secrets.js';
import { platform } from './fixtures.js';

const CONFIG = `
environments: {production: {production: true}}
temporal: {apiKey: {env: KEY}}
routers: {e: {type: edge, control: "http://x", public: "http://y", token: {file: /run/token}}}
metrics: {p: {type: prometheus, url: "http://x", scrapeInterval: 15s, headers: {Authorization: {env: AUTH}}}}
notifiers: {s: {type: slack, url: {file: /run/slack}}}
`;

const files: Record<string, string> = { '/run/token': 'abc\n', '/run/slack': 'https://hooks.example.com/x' };
const readFile = (path: string): string => {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT', path });
  return text;
};

test('references become the text of the secret, wherever they stand', () => {
  const resolved = resolveSecrets(platform(CONFIG), { env: { KEY: 'k', AUTH: 'Bearer b' }, readFile });
  assert.ok(resolved.kind === 'ok');
  const { config } = resolved;
  assert.equal(config.temporal.apiKey, 'k');
  assert.deepEqual(config.routers.e, { type: 'edge', control: 'http://x', public: 'http://y', token: 'abc' });
  assert.deepEqual(config.metrics.p?.headers, { Authorization: 'Bearer b' });
  assert.deepEqual(config.notifiers.s, { type: 'slack', url: 'https://hooks.example.com/x' });
});

test('all secrets that are missing are named at once, with the place that wants them', () => {
  const resolved = resolveSecrets(platform(CONFIG), {
    env: { KEY: '' },
    readFile: (path) => (path === '/run/token' ? '\n' : readFile('/nowhere')),
  });
  assert.ok(resolved.kind === 'invalid');
  assert.deepEqual(
    resolved.secrets.map((secret) => renderUnresolved('sluice.config.yaml', secret)),
    [
      'sluice.config.yaml temporal.apiKey: found an empty environment variable KEY, expected it to be set on the worker',
      'sluice.config.yaml routers.e.token: found an empty file /run/token, expected the secret in it',
      'sluice.config.yaml metrics.p.headers.Authorization: found no environment variable AUTH, expected it to be set on the worker',
      'sluice.config.yaml notifiers.s.url: found no readable file /run/slack (ENOENT), expected the secret in it',
    ],
  );
  const relative = resolveSecrets(platform(CONFIG.replace('/run/slack', 'slack.txt')), {
    env: { KEY: 'k', AUTH: 'a' },
    readFile: (path) => (path === '/run/token' ? 't' : readFile('/where/it/began/slack.txt')),
  });
  assert.ok(relative.kind === 'invalid');
  assert.deepEqual(
    relative.secrets.map(({ found }) => found),
    ['no readable file slack.txt (ENOENT: /where/it/began/slack.txt)'],
  );
});
