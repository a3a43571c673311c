/** Express, Fastify and a fetch handler on real sockets: what one does with a request's schema pins, all do. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import type { PinOptions, RevisionTarget } from '../../../src/guard/pins/admit.js';
import { readPin, signPin, type PinKeys } from '../../../src/guard/pins/sticky-pin.js';
import { until } from '../../harness/until.js';
import {
  FRAMEWORKS,
  headersFor,
  PINS,
  startLooker,
  startRevision,
  type Framework,
  type Revision,
  type Served,
} from './support.js';

const KEYS: PinKeys = [{ id: 'k1', secret: randomBytes(32) }];
const AHEAD = { ...PINS, schemaRev: 8 };

const opened: Served[] = [];
afterEach(async () => {
  for (const { stop } of opened.splice(0)) await stop();
});

function kept<Thing extends Served>(thing: Thing): Thing {
  opened.push(thing);
  return thing;
}

for (const [name, framework] of Object.entries(FRAMEWORKS))
  describe(name, () => {
    conformance(framework);
  });

function conformance(framework: Framework): void {
  const start = async (options: Partial<PinOptions> = {}): Promise<Revision> =>
    kept(await startRevision(framework, { revision: 'blue', ...options }));

  const write = (to: Served, headers: Record<string, string>, body = 'v'): Promise<Response> =>
    fetch(`${to.url}/vectors?space=1`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain', 'idempotency-key': 'k-1', ...headers },
    });

  test('who fits is served, and the answer says for which data it was made', async () => {
    const blue = await start();
    const answer = await write(blue, headersFor(PINS));
    assert.deepEqual([answer.status, await answer.text()], [201, 'written by blue']);
    const told = ['x-schema-rev', 'x-index-hash', 'x-model-tag'].map((header) => answer.headers.get(header));
    assert.deepEqual(told, ['7', 'index-a', 'model-1']);
    assert.deepEqual(blue.written, ['v']);
  });

  test('a caller that is behind is served: SCHEMA_REV is ordered', async () => {
    const blue = await start();
    assert.equal((await write(blue, headersFor({ ...PINS, schemaRev: 6 }))).status, 201);
  });

  test('a request without all three is refused before any claim, and told which are missing', async () => {
    const blue = await start();
    const answer = await write(blue, { 'x-schema-rev': '7' });
    assert.equal(answer.status, 428);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    const { type, headers } = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual([type, headers], ['urn:sluice:guard:pins-missing', ['x-index-hash', 'x-model-tag']]);
    assert.deepEqual([blue.written, blue.bench.store.calls, blue.bench.kinds()], [[], [], ['pins-missing']]);
  });

  test('reads are refused as writes are', async () => {
    const blue = await start();
    assert.equal((await fetch(`${blue.url}/events`)).status, 428);
  });

  test('a pin that is none is refused', async () => {
    const blue = await start();
    const answer = await write(blue, { ...headersFor(PINS), 'x-schema-rev': 'seven', 'x-model-tag': 'a b' });
    assert.equal(answer.status, 400);
    assert.deepEqual(((await answer.json()) as { headers: unknown }).headers, ['x-schema-rev', 'x-model-tag']);
    assert.deepEqual(blue.bench.store.calls, []);
  });

  test('a revision that is behind refuses before any claim and names every difference', async () => {
    const blue = await start();
    const answer = await write(blue, headersFor({ schemaRev: 8, indexHash: 'index-b', modelTag: 'model-1' }));
    assert.equal(answer.status, 412);
    const { differences, revision } = (await answer.json()) as Record<string, unknown>;
    assert.equal(revision, 'blue');
    assert.deepEqual(differences, [
      { pin: 'SCHEMA_REV', asked: 8, here: 7 },
      { pin: 'INDEX_HASH', asked: 'index-b', here: 'index-a' },
    ]);
    assert.deepEqual([blue.written, blue.bench.store.calls, blue.bench.kinds()], [[], [], ['pins-differ']]);
    assert.equal(answer.headers.get('x-schema-rev'), '7');
  });

  test('a refused key is free: nothing was kept, and the same key is served where it fits', async () => {
    const blue = await start();
    assert.equal((await write(blue, headersFor(AHEAD))).status, 412);
    assert.equal((await write(blue, headersFor(PINS))).status, 201);
  });

  test('a request is carried to the matching revision as it is: method, host, path, key, headers and bytes', async () => {
    const looker = kept(await startLooker((response) => response.writeHead(201, { 'x-revision': 'green' }).end('theirs')));
    const matching = (): RevisionTarget => ({ revision: 'green', url: looker.url, headers: { 'X-Release': 'green' } });
    const blue = await start({ matching });
    const answer = await write(blue, { ...headersFor(AHEAD), 'x-release': 'mine', 'x-other': 'kept' }, 'body of the request');
    assert.deepEqual([answer.status, await answer.text()], [201, 'theirs']);
    assert.equal(answer.headers.get('x-revision'), 'green');
    assert.equal(answer.headers.get('x-schema-rev'), null, 'the answer of another revision was stamped with our pins');
    const [seen] = looker.seen;
    assert.ok(seen);
    assert.deepEqual([seen.method, seen.url, seen.body.toString()], ['POST', '/vectors?space=1', 'body of the request']);
    assert.equal(seen.headers.host, new URL(blue.url).host);
    const told = ['idempotency-key', 'x-other', 'x-release', 'x-release-hop', 'x-schema-rev'].map(
      (header) => seen.headers[header],
    );
    assert.deepEqual(told, ['k-1', 'kept', 'green', '1', '8']);
    assert.deepEqual([blue.written, blue.bench.store.calls, blue.bench.kinds()], [[], [], ['pins-rerouted']]);
  });

  test('the matching revision claims and writes, once for a key, whichever revision is asked', async () => {
    const green = await start({ revision: 'green', pins: AHEAD });
    const blue = await start({ matching: () => ({ revision: 'green', url: green.url }) });
    for (let time = 0; time < 2; time++) {
      const answer = await write(blue, headersFor(AHEAD));
      assert.deepEqual([answer.status, await answer.text()], [201, 'written by green']);
      assert.equal(answer.headers.get('idempotent-replayed'), time === 0 ? null : 'true');
      assert.equal(answer.headers.get('x-schema-rev'), '8');
    }
    assert.deepEqual([blue.written, green.written], [[], ['v']]);
  });

  test('two revisions that send to each other end at once, and nobody claims', async () => {
    const targets = new Map<string, Revision>();
    const matching = (revision: string) => (): RevisionTarget => ({ revision, url: targets.get(revision)?.url ?? '' });
    const blue = await start({ matching: matching('green') });
    const green = await start({ revision: 'green', matching: matching('blue') });
    targets.set('blue', blue).set('green', green);
    const answer = await write(blue, headersFor(AHEAD));
    const { type, revision } = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual([answer.status, type, revision], [412, 'urn:sluice:guard:pins-loop', 'green']);
    assert.deepEqual([blue.bench.kinds(), green.bench.kinds()], [['pins-rerouted'], ['pins-loop']]);
    assert.deepEqual([...blue.bench.store.calls, ...green.bench.store.calls], []);
  });

  test('a record that names this very revision sends nobody round: 412', async () => {
    const blue = await start({ matching: () => ({ revision: 'blue', url: 'http://127.0.0.1:9' }) });
    assert.equal((await write(blue, headersFor(AHEAD))).status, 412);
  });

  test('a matching revision that is gone is a 502, and nothing is claimed', async () => {
    const gone = await startLooker();
    await gone.stop();
    const blue = await start({ matching: () => ({ revision: 'green', url: gone.url }) });
    const answer = await write(blue, headersFor(AHEAD));
    assert.equal(answer.status, 502);
    assert.equal(answer.headers.get('x-schema-rev'), '7');
    const { type, detail } = (await answer.json()) as { type: unknown; detail: string };
    assert.equal(type, 'urn:sluice:guard:revision-unreachable');
    assert.ok(!detail.includes(new URL(gone.url).port), 'where the other revision lies is nobody’s business outside');
    assert.deepEqual(blue.bench.store.calls, []);
  });

  test('what the matching revision broke off is not sent to it again', async () => {
    const looker = kept(await startLooker((response) => response.destroy()));
    const blue = await start({ matching: () => ({ revision: 'green', url: looker.url }) });
    assert.equal((await write(blue, headersFor(AHEAD))).status, 502);
    assert.equal(looker.seen.length, 1);
  });

  test('an answer without a body is carried, too', async () => {
    const green = await start({ revision: 'green', pins: AHEAD });
    const blue = await start({ matching: () => ({ revision: 'green', url: green.url }) });
    const answer = await fetch(`${blue.url}/nothing`, { headers: headersFor(AHEAD) });
    assert.deepEqual([answer.status, await answer.text()], [204, '']);
  });

  test('bodies stream through in both directions, byte by byte', async () => {
    const green = await start({ revision: 'green', pins: AHEAD });
    const blue = await start({ matching: () => ({ revision: 'green', url: green.url }) });
    const bytes = randomBytes(1_000_000);
    const answer = await fetch(`${blue.url}/echo`, {
      method: 'PATCH',
      headers: { ...headersFor(AHEAD), 'content-type': 'application/octet-stream' },
      body: new Blob([bytes]).stream(),
      duplex: 'half',
    });
    assert.equal(answer.status, 200);
    assert.ok(bytes.equals(Buffer.from(await answer.arrayBuffer())), 'the bytes changed on the way');
  });

  test('the first event of a stream comes before its last, and the end arrives', async () => {
    const green = await start({ revision: 'green', pins: AHEAD });
    const blue = await start({ matching: () => ({ revision: 'green', url: green.url }) });
    const answer = await fetch(`${blue.url}/events`, { headers: headersFor(AHEAD) });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'data: green\n\n');
    green.finish();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'data: end\n\n');
    assert.equal((await reader.read()).done, true);
  });

  test('a client that leaves a carried stream is missed by the revision that serves it', async () => {
    let isLeft = false;
    const looker = kept(
      await startLooker((response) => {
        response.once('close', () => (isLeft = true));
        response.write('first');
      }),
    );
    const blue = await start({ matching: () => ({ revision: 'green', url: looker.url }) });
    const leaving = new AbortController();
    const answer = await fetch(`${blue.url}/events`, { headers: headersFor(AHEAD), signal: leaving.signal });
    await (answer.body as ReadableStream<Uint8Array>).getReader().read();
    leaving.abort();
    await until(() => isLeft, { withinMs: 10_000, what: 'the carried request to end' });
  });

  test('a client that leaves before there is a head is missed as well', async () => {
    let isLeft = false;
    const looker = kept(await startLooker((response) => response.once('close', () => (isLeft = true))));
    const blue = await start({ matching: () => ({ revision: 'green', url: looker.url }) });
    const leaving = new AbortController();
    const answer = fetch(`${blue.url}/events`, { headers: headersFor(AHEAD), signal: leaving.signal });
    await until(() => looker.seen.length, { withinMs: 10_000, what: 'the request to be carried' });
    leaving.abort();
    await assert.rejects(answer);
    await until(() => isLeft, { withinMs: 10_000, what: 'the carried request to end' });
  });

  test('two revisions that follow a pin to each other end where it fits first: it is carried once', async () => {
    const urls: string[] = [];
    const green = await start({ revision: 'green', follow: () => ({ revision: 'blue', url: urls[0] ?? '' }) });
    const blue = await start({ follow: () => ({ revision: 'green', url: green.url }) });
    urls.push(blue.url);
    const headers = { ...headersFor(PINS), 'content-type': 'text/plain', 'idempotency-key': 'k' };
    const answer = await fetch(`${blue.url}/vectors`, { method: 'POST', headers, signal: AbortSignal.timeout(10_000) });
    assert.equal(await answer.text(), 'written by green');
  });

  test('a signed pin brings a request that fits to its revision, until its ramp is revoked', async () => {
    const green = await start({ revision: 'green' });
    const revoked = new Set<string>();
    const reading = { keys: KEYS, now: 0, ramp: 'r~1', isRevoked: (ramp: string) => revoked.has(ramp) };
    const blue = await start({
      follow: (read) => {
        const found = readPin(read('x-release-pin'), reading);
        return found.kind === 'pin' && found.pin.revision === 'green' ? { revision: 'green', url: green.url } : undefined;
      },
    });
    const pin = signPin(KEYS, { ramp: 'r~1', revision: 'green', exp: 1 });
    const ask = async (): Promise<string> =>
      (await write(blue, { ...headersFor(PINS), 'x-release-pin': pin, 'idempotency-key': String(revoked.size) })).text();
    assert.equal(await ask(), 'written by green');
    assert.deepEqual(blue.bench.kinds(), ['pin-followed']);
    revoked.add('r~1');
    assert.equal(await ask(), 'written by blue');
  });

  test('schema pins come before stickiness (A16)', async () => {
    const looker = kept(await startLooker());
    const blue = await start({ follow: () => ({ revision: 'green', url: looker.url }) });
    assert.equal((await write(blue, headersFor(AHEAD))).status, 412);
    assert.equal(looker.seen.length, 0);
  });

  test('observe serves everybody, carries nobody, and counts what it would have done', async () => {
    const looker = kept(await startLooker());
    const blue = await start({ mode: 'observe', matching: () => ({ revision: 'green', url: looker.url }) });
    assert.equal((await write(blue, {})).status, 201);
    assert.equal((await write(blue, { ...headersFor(AHEAD), 'idempotency-key': 'k-2' })).status, 201);
    const counted = blue.bench.events.filter(({ kind }) => kind.startsWith('pins-'));
    assert.deepEqual(
      counted.map(({ kind, observed }) => [kind, observed]),
      [
        ['pins-missing', true],
        ['pins-rerouted', true],
      ],
    );
    assert.equal(looker.seen.length, 0);
  });

  test('a sink that throws changes nothing', async () => {
    const blue = await start({
      onEvent: () => {
        throw new Error('the sink is broken');
      },
    });
    assert.equal((await write(blue, headersFor(AHEAD))).status, 412);
  });
}
