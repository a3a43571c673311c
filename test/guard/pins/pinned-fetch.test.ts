/** Outgoing calls against a real server that says for which data it answers. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { pinnedFetch, type PinnedFetchOptions } from '../../../src/guard/pins/pinned-fetch.js';
import { SchemaMismatch } from '../../../src/guard/pins/schema-pins.js';
import { FRAMEWORKS, headersFor, PINS, startLooker, startRevision, type Served } from './support.js';

const opened: Served[] = [];
afterEach(async () => {
  for (const { stop } of opened.splice(0)) await stop();
});

async function looker(status: number, headers: Record<string, string> = {}): Promise<Awaited<ReturnType<typeof startLooker>>> {
  const started = await startLooker((response) => response.writeHead(status, headers).end('answer'));
  opened.push(started);
  return started;
}

const call = async (url: string, options: Partial<PinnedFetchOptions> = {}): Promise<string> => {
  try {
    return await (await pinnedFetch({ pins: PINS, ...options })(url)).text();
  } catch (error) {
    assert.ok(error instanceof SchemaMismatch, String(error));
    return error.message;
  }
};

test('every call is stamped with all three, beside its own headers and in place of pins that it was given', async () => {
  const { url, seen } = await looker(200);
  const pinned = pinnedFetch({ pins: PINS });
  await pinned(url, { headers: { accept: 'text/plain', 'X-Schema-Rev': '1' } });
  await pinned(new Request(url, { method: 'PUT', body: 'b', headers: { accept: 'a/b' } }));
  const told = seen.map(({ method, headers, body }) => [
    method,
    headers['x-schema-rev'],
    headers['x-model-tag'],
    headers.accept,
    body.toString(),
  ]);
  assert.deepEqual(told, [
    ['GET', '7', 'model-1', 'text/plain', ''],
    ['PUT', '7', 'model-1', 'a/b', 'b'],
  ]);
});

test('an answer of a revision that is behind, or has another index, is not believed', async () => {
  assert.match(
    await call((await looker(200, headersFor({ ...PINS, schemaRev: 6 }))).url),
    /SCHEMA_REV is 6 here, 7 was asked for/,
  );
  assert.match(await call((await looker(200, headersFor({ ...PINS, indexHash: 'b' }))).url), /INDEX_HASH is b here/);
  assert.equal(await call((await looker(200, headersFor({ ...PINS, schemaRev: 8 }))).url), 'answer');
  assert.equal(await call((await looker(200)).url), 'answer', 'a service that tells no pins is not ours to judge');
});

test('for writer and retriever an answer must tell all three, and the same ones (R26)', async () => {
  const same = { answers: 'same' } as const;
  assert.equal(await call((await looker(200, headersFor(PINS))).url, same), 'answer');
  assert.match(await call((await looker(200, headersFor({ ...PINS, schemaRev: 8 }))).url, same), /SCHEMA_REV is 8 here/);
  assert.match(await call((await looker(200)).url, same), /MODEL_TAG is not told here/);
});

test('a refusal is an answer like any other', async () => {
  const blue = await startRevision(FRAMEWORKS['express']!, { revision: 'blue' });
  opened.push(blue);
  const answer = await pinnedFetch({ pins: { ...PINS, schemaRev: 8 } })(`${blue.url}/events`);
  assert.equal(answer.status, 412);
});

test('pins that no header can carry are an error before the first call', () => {
  assert.throws(() => pinnedFetch({ pins: { ...PINS, modelTag: 'a b' } }), TypeError);
});
