import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpQueues } from '../../../src/providers/queues/http.js';
import { directiveWith } from '../../domain/directives.js';
import { httpService } from '../capacity/http-service.js';

test('the whole directive is told in one call', async (t) => {
  const { url, asked, close } = await httpService(() => ({ status: 202 }));
  t.after(close);
  const directive = directiveWith({ capPerPartition: 4 });
  await httpQueues({ url, token: 's3cr3t' }).direct({ service: 'jobs', environment: 'test' }, directive);
  assert.deepEqual(
    asked.map(({ method, path, headers, body }) => [method, path, headers.authorization, JSON.parse(body) as unknown]),
    [['POST', '/test/jobs', 'Bearer s3cr3t', directive]],
  );
});

test('a directive that was refused is an error', async (t) => {
  const { url, close } = await httpService(() => ({ status: 400, body: { detail: 'unknown service' } }));
  t.after(close);
  const directive = directiveWith();
  await assert.rejects(
    httpQueues({ url }).direct({ service: 'jobs', environment: 'test' }, directive),
    /answered 400: .*unknown service/,
  );
});
