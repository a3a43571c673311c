import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EXIT } from '../../src/cli/exit-codes.js';
import { runCommandLine } from '../../src/cli/program.js';
import { givenPlace, placeOf, senderOf } from '../../src/cli/session.js';
import { keyText } from '../contract/keys.js';
import { rollout } from './sluice.js';
import { recorded } from './surroundings.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-session-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const place = (env: Record<string, string>, options: { address?: string; namespace?: string } = {}, config = 'missing.yaml') =>
  placeOf(recorded({ env, cwd: folder }).surroundings, { ...options, config });

test('the flag comes before the environment, that before the configuration, that before this machine', () => {
  writeFileSync(
    join(folder, 'config.yaml'),
    'temporal: {address: "configured:7233", namespace: configured, apiKey: {env: KEY}}\nenvironments: {test: {production: false}}\n',
  );
  assert.deepEqual(place({ KEY: 'secret' }, {}, 'config.yaml'), {
    address: 'configured:7233',
    namespace: 'configured',
    apiKey: 'secret',
  });
  assert.deepEqual(place({ TEMPORAL_ADDRESS: 'env:1' }, {}, 'config.yaml'), { address: 'env:1', namespace: 'default' });
  assert.deepEqual(place({ TEMPORAL_ADDRESS: 'env:1', TEMPORAL_NAMESPACE: 'env' }, { address: 'flag:1' }), {
    address: 'flag:1',
    namespace: 'env',
  });
  assert.deepEqual(place({}), { address: '127.0.0.1:7233', namespace: 'default' });
});

test('with an address given, a broken configuration keeps nobody from an abort', () => {
  writeFileSync(join(folder, 'broken.yaml'), 'environments: [');
  assert.equal(place({}, { address: 'flag:1' }, 'broken.yaml').address, 'flag:1');
  assert.throws(() => place({}, {}, 'broken.yaml'), /broken\.yaml:1/);
});

test('only the secrets of Temporal are needed on a pipeline', () => {
  writeFileSync(
    join(folder, 'routers.yaml'),
    'routers: {edge: {type: edge, control: "http://127.0.0.1:1", public: "http://127.0.0.1:2", token: {env: NOT_HERE}}}\nenvironments: {test: {production: false}}\n',
  );
  assert.equal(place({}, {}, 'routers.yaml').address, '127.0.0.1:7233');
});

test("certificates are read from where Temporal's own variables name them", () => {
  writeFileSync(join(folder, 'ca.pem'), 'certificate');
  const { surroundings } = recorded({ env: { TEMPORAL_TLS_SERVER_CA_CERT_PATH: 'ca.pem' }, cwd: folder });
  assert.deepEqual(givenPlace(surroundings, {}).tls, {
    serverName: undefined,
    ca: 'certificate',
    certificate: undefined,
    key: undefined,
  });
  assert.throws(() => place({ TEMPORAL_TLS_CLIENT_CERT_PATH: 'ca.pem' }), /expected both or none/);
  assert.throws(() => place({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: 'gone.pem' }), /cannot read gone\.pem/);
});

test('the sender is who the flag says, else the pipeline’s user, else the login; always only a claim', () => {
  const by = (env: Record<string, string>, flag?: string) => senderOf(recorded({ env }).surroundings, flag);
  assert.deepEqual(
    [by({ GITHUB_ACTOR: 'octo' }, 'ann').name, by({ GITHUB_ACTOR: 'octo' }).name, by({}).name],
    ['ann', 'octo', 'login'],
  );
  assert.equal(by({}).verified, false);
});

test('keys come from the configuration whatever names the address, and a missing one keeps nobody from an abort', () => {
  writeFileSync(
    join(folder, 'keys.yaml'),
    'temporal: {apiKey: {env: NOT_HERE}, encryption: {keyId: k1, key: {env: KEY}}}\nenvironments: {test: {production: false}}\n',
  );
  assert.equal(place({ KEY: keyText('k1') }, { address: 'flag:1' }, 'keys.yaml').keys?.current, 'k1');
  const { surroundings, err } = recorded({ cwd: folder });
  assert.equal(placeOf(surroundings, { address: 'flag:1', config: 'keys.yaml' }).keys, undefined);
  assert.match(err.join(), /temporal\.encryption\.key: found no environment variable KEY.*nothing is encrypted or decrypted$/);
  assert.throws(() => place({ NOT_HERE: 'there' }, {}, 'keys.yaml'), /temporal\.encryption\.key/);
});

test('a plan is never started in plain where the configuration wants it encrypted', async () => {
  writeFileSync(
    join(folder, 'sluice.config.yaml'),
    [
      'temporal: {encryption: {keyId: k1, key: {env: KEY}}}',
      'environments: {test: {production: false}}',
      'routers: {edge: {type: edge, control: "http://127.0.0.1:1", public: "http://127.0.0.1:2", token: {env: T}}}',
      'metrics: {scraped: {type: scrape, urls: ["http://127.0.0.1:3/metrics"]}}',
    ].join('\n'),
  );
  writeFileSync(join(folder, 'rollout.yaml'), rollout('app').replace('try-out', 'edge'));
  const { surroundings, err } = recorded({ cwd: folder });
  assert.equal(await runCommandLine(['start', '--address', '127.0.0.1:1'], surroundings), EXIT.error);
  assert.deepEqual(err, [
    'sluice: sluice.config.yaml temporal.encryption.key: found no environment variable KEY, expected it to be set on the worker',
  ]);
});
