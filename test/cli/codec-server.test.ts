/** What Temporal's UI sends to a remote codec, and what a stranger may not. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { defaultPayloadConverter } from '@temporalio/common';
import { startCodecServer, type CodecServer } from '../../src/cli/codec-server.js';
import { EXIT } from '../../src/cli/exit-codes.js';
import { runCommandLine } from '../../src/cli/program.js';
import { encrypt } from '../../src/contract/encryption.js';
import { keyText, ringOf } from '../contract/keys.js';
import { until } from '../harness/until.js';
import { recorded } from './surroundings.js';

const ORIGIN = 'http://ui.test:8233';
const problems: string[] = [];
let server: CodecServer;

before(async () => {
  server = await startCodecServer({
    host: '127.0.0.1',
    port: 0,
    origin: ORIGIN,
    keys: ringOf('k2', 'k1'),
    onProblem: (problem) => problems.push(problem),
  });
});
after(() => server.close());

interface Sent {
  readonly method?: string;
  readonly body?: string;
  readonly origin?: string;
}

async function ask(path: string, { method = 'POST', body, origin = ORIGIN }: Sent = {}) {
  const response = await fetch(server.url + path, { method, headers: { origin }, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

const base64 = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
const printed = (key: string, value: unknown) => {
  const { metadata, data } = encrypt(defaultPayloadConverter.toPayload(value), ringOf(key));
  return {
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, bytes]) => [name, base64(bytes)])),
    data: base64(data),
  };
};
const PLAIN = { metadata: { encoding: base64(Buffer.from('json/plain')) }, data: base64(Buffer.from('"words"')) };

test('it decrypts with every key, leaves the rest as it is, and encrypts with the current key', async () => {
  const foreign = printed('k9', 'words');
  const decoded = await ask('/decode', {
    body: JSON.stringify({ payloads: [printed('k1', 'words'), PLAIN, foreign, printed('k2', 'words')] }),
  });
  assert.equal(decoded.status, 200);
  assert.deepEqual(decoded.body, { payloads: [PLAIN, PLAIN, foreign, PLAIN] });
  assert.deepEqual(problems, ['a payload is encrypted with the key "k9", expected one of k2, k1; it is shown as it is']);
  const encoded = await ask('/encode', { body: JSON.stringify({ payloads: [PLAIN] }) });
  const [payload] = encoded.body['payloads'] as { metadata: Record<string, string> }[];
  assert.equal(payload?.metadata['encryption-key-id'], base64(Buffer.from('k2')));
  assert.deepEqual((await ask('/decode', { body: JSON.stringify(encoded.body) })).body, { payloads: [PLAIN] });
});

test('the browser of the one origin is let in, before and with the request', async () => {
  const before = await ask('/decode', { method: 'OPTIONS' });
  assert.equal(before.status, 204);
  assert.equal(before.headers.get('access-control-allow-origin'), ORIGIN);
  assert.match(before.headers.get('access-control-allow-headers') ?? '', /x-namespace/);
  const other = await ask('/decode', {
    origin: 'http://evil.test',
    body: JSON.stringify({ payloads: [printed('k1', 'words')] }),
  });
  assert.equal(other.status, 403);
  assert.deepEqual(other.body, { error: `pages of http://evil.test may not ask, only those of ${ORIGIN} (--origin)` });
  assert.equal(other.headers.get('access-control-allow-origin'), ORIGIN);
});

test('what it does not understand it refuses, and says what it expects', async () => {
  for (const body of ['', '{', '[]', 'null', '{"payloads": {}}', '{"payloads": [1]}']) {
    const { status, body: answer } = await ask('/decode', { body });
    assert.equal(status, 400, body);
    assert.match(String(answer['error']), /^expected \{"payloads"/);
  }
  assert.equal((await ask('/elsewhere', { body: '{}' })).status, 404);
  assert.equal((await ask('/decode', { method: 'GET' })).status, 405);
  assert.equal((await ask('/decode', { body: 'x'.repeat(17 * 1_024 * 1_024) }).catch(() => ({ status: 413 }))).status, 413);
  assert.equal((await ask('/decode', { body: '{"payloads": []}' })).status, 200, 'it lives on');
});

test('sluice codec-server takes its keys from the configuration, and says where it serves', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-codec-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const environments = 'environments: {test: {production: false}}\n';
  writeFileSync(join(folder, 'plain.yaml'), environments);
  writeFileSync(join(folder, 'sluice.config.yaml'), `temporal: {encryption: {keyId: k1, key: {env: KEY}}}\n${environments}`);
  const run = async (env: Record<string, string>, ...words: string[]) => {
    const over = new AbortController();
    const { surroundings, out, err } = recorded({ env, cwd: folder, interrupted: () => over.signal });
    const exit = runCommandLine(['codec-server', '--port', '0', ...words], surroundings);
    await until(() => out.length + err.length > 0, { withinMs: 10_000, what: 'a word of the codec server' });
    over.abort();
    return { exit: await exit, out: out.join('\n'), err: err.join('\n') };
  };
  const served = await run({ KEY: keyText('k1') });
  assert.equal(served.exit, EXIT.ok);
  assert.match(served.out, /^codec server: http:\/\/127\.0\.0\.1:\d+ for http:\/\/localhost:8233; /);
  assert.match(
    (await run({ KEY: 'marked-secret' })).err,
    /sluice\.config\.yaml temporal\.encryption\.key: found a secret of 13 characters/,
  );
  assert.match((await run({}, '--config', 'plain.yaml')).err, /found no temporal\.encryption in plain\.yaml/);
  assert.match((await run({ KEY: keyText('k1') }, '--origin', 'http://ui.test/')).err, /expected an origin such as/);
});
