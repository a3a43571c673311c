import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breakGlass } from '../../../src/cli/doctor/break-glass.js';

test("HAProxy's glass revokes at run time and for the next reload", () => {
  const { look, back } = breakGlass(
    {
      type: 'haproxy',
      adminSocket: '/run/a.sock',
      directory: '/run/sluice',
      control: 'http://127.0.0.1:8081/',
      public: 'http://127.0.0.1:8080',
      releaseToken: { secret: 'env', name: 'T' },
    },
    'app',
  );
  assert.equal(look, "curl -s 'http://127.0.0.1:8081/route?svc=app'");
  assert.equal(
    back,
    "echo 'add map /run/sluice/revoked.map RAMP 1' | socat - /run/a.sock && echo 'RAMP 1' >> /run/sluice/revoked.map",
  );
});

test('a token is named by where it is, never by what it is', () => {
  const edge = { type: 'edge', control: 'http://127.0.0.1:1', public: 'http://127.0.0.1:2' } as const;
  assert.match(breakGlass({ ...edge, token: { secret: 'env', name: 'EDGE_TOKEN' } }, 'app').back, /Bearer \$EDGE_TOKEN"/);
  assert.match(breakGlass({ ...edge, token: { secret: 'file', path: '/run/t' } }, 'app').back, /Bearer \$\(cat \/run\/t\)"/);
});
