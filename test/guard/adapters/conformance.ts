/**
 * What a client of a guarded service sees, the same through every adapter. Each stage is one small service, written as one
 * writes it in its framework, and a way to send it a request.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Guard } from '../../../src/guard/guard.js';
import { bench, gate, type Bench, type FaultyStore } from '../support.js';

/** What the handlers of a stage do; they share it with the test. */
export class Service {
  effects = 0;
  readonly #slow = gate();
  readonly #streaming = gate();
  readonly entered = gate();

  /** `/slow` waits for it. */
  readonly slow = this.#slow.opened;
  finishSlow = this.#slow.open;
  /** `/stream` sends its second piece after it. */
  readonly streaming = this.#streaming.opened;
  finishStream = this.#streaming.open;

  effect(): number {
    return ++this.effects;
  }
}

export const BINARY = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
export const LARGE = Buffer.alloc(300 * 1024, 'x');
export const EVENT_STREAM = 'text/event-stream';
export const tenantFrom = (header: string | string[] | null | undefined): string => String(header ?? 'acme');

export interface StageOptions {
  readonly guard: Guard;
  readonly service: Service;
  readonly mode: 'enforce' | 'observe';
}

export interface AdapterStage {
  readonly send: (path: string, init: RequestInit) => Promise<Response>;
  readonly stop: () => Promise<void>;
}

interface Asked {
  readonly key?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly method?: string;
}

export function adapterConformance(
  name: string,
  start: (options: StageOptions) => Promise<AdapterStage>,
  can: { readonly stream: boolean },
): void {
  type Ask = (path: string, asked?: Asked) => Promise<Response>;
  const play = (
    title: string,
    body: (ask: Ask, service: Service, bench: Bench) => Promise<void>,
    mode: StageOptions['mode'] = 'enforce',
  ) => {
    test(`${name}: ${title}`, { timeout: 30_000 }, async () => {
      const service = new Service();
      const at = bench();
      const stage = await start({ guard: at.guard, service, mode });
      const ask: Ask = (path, { key, body = '{"item":1}', headers = {}, method = 'POST' } = {}) =>
        stage.send(path, {
          method,
          ...(method === 'GET' ? {} : { body }),
          headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }), ...headers },
        });
      try {
        await body(ask, service, at);
      } finally {
        service.finishSlow();
        service.finishStream();
        await stage.stop();
      }
    });
  };
  const isProblem = async (response: Response, status: number, kind: string): Promise<Record<string, unknown>> => {
    assert.equal(response.status, status);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    const problem = (await response.json()) as Record<string, unknown>;
    assert.equal(problem['type'], `urn:sluice:guard:${kind}`);
    assert.equal(problem['status'], status);
    return problem;
  };

  play('a retry gets the first answer with its location, says so, and is given no cookie of the first', async (ask, service) => {
    const first = await ask('/orders', { key: 'k' });
    assert.equal(first.status, 201);
    assert.equal(first.headers.get('idempotent-replayed'), null);
    assert.match(first.headers.get('set-cookie') ?? '', /session=1/);
    const said = await first.text();
    for (const key of ['k', '"k"']) {
      const again = await ask('/orders', { key });
      assert.equal(again.status, 201);
      assert.equal(await again.text(), said);
      assert.equal(again.headers.get('location'), '/orders/1');
      assert.equal(again.headers.get('content-type'), first.headers.get('content-type'));
      assert.equal(again.headers.get('idempotent-replayed'), 'true');
      assert.equal(again.headers.get('set-cookie'), null);
    }
    assert.equal(service.effects, 1);
  });

  play('a write without a usable key is refused, a read needs none', async (ask, service) => {
    await isProblem(await ask('/orders'), 400, 'key-missing');
    await isProblem(await ask('/orders', { key: 'a, b' }), 400, 'key-invalid');
    await isProblem(await ask('/orders', { key: 'k'.repeat(256) }), 400, 'key-invalid');
    assert.equal(service.effects, 0);
    assert.equal((await ask('/orders', { method: 'GET' })).status, 200);
  });

  play('another payload under the same key is refused, and the refusal is not kept as the answer', async (ask, service) => {
    await ask('/orders', { key: 'k' });
    await isProblem(await ask('/orders', { key: 'k', body: '{"item":2}' }), 422, 'mismatch');
    const again = await ask('/orders', { key: 'k' });
    assert.equal(again.status, 201);
    assert.equal(service.effects, 1);
  });

  play(
    'while the first request runs the second is told when to come again, and that is not kept either',
    async (ask, service) => {
      const first = ask('/slow', { key: 'k' });
      await service.entered.opened;
      const second = await ask('/slow', { key: 'k' });
      assert.match(second.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
      await isProblem(second, 409, 'outstanding');
      service.finishSlow();
      assert.equal((await first).status, 200);
      const third = await ask('/slow', { key: 'k' });
      assert.equal(third.status, 200);
      assert.equal(await third.text(), 'slow 1');
      assert.equal(service.effects, 1);
    },
  );

  play('an empty 204 is replayed as one and does not run again', async (ask, service) => {
    for (let times = 0; times < 3; times++) {
      const answer = await ask('/empty', { key: 'k' });
      assert.equal(answer.status, 204);
      assert.equal(await answer.text(), '');
    }
    assert.equal(service.effects, 1);
  });

  play('a 400 comes back as the bytes and the type that it had', async (ask, service) => {
    for (let times = 0; times < 2; times++) {
      const answer = await ask('/bad', { key: 'k' });
      assert.equal(answer.status, 400);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/vnd\.orders\+json/);
      assert.equal(await answer.text(), '{"why":"<no>"}');
    }
    assert.equal(service.effects, 1);
  });

  play('a throw after the effect is a 5xx, and the retry is told that the outcome is unknown', async (ask, service) => {
    const first = await ask('/broken', { key: 'k' });
    assert.equal(first.status, 500);
    const again = await ask('/broken', { key: 'k' });
    assert.equal(again.headers.get('retry-after'), null);
    await isProblem(again, 409, 'unknown');
    assert.equal(service.effects, 1);
  });

  play('every byte of a binary answer comes back', async (ask, service) => {
    for (let times = 0; times < 2; times++) {
      const answer = await ask('/binary', { key: 'k' });
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), BINARY);
    }
    assert.equal(service.effects, 1);
  });

  play('an answer too large to keep is sent whole once; its retry gets the digest and no second effect', async (ask, service) => {
    const first = await ask('/large', { key: 'k' });
    assert.ok(Buffer.from(await first.arrayBuffer()).equals(LARGE));
    const problem = await isProblem(await ask('/large', { key: 'k' }), 409, 'already-done');
    assert.deepEqual([problem['originalStatus'], problem['length']], [200, LARGE.length]);
    assert.equal(problem['sha256'], createHash('sha256').update(LARGE).digest('hex'));
    assert.equal(service.effects, 1);
  });

  play('nobody but the guard says that an answer is an earlier one: neither a caller nor a handler', async (ask, service) => {
    const forged = await ask('/forged', { key: 'k', headers: { 'idempotent-replayed': 'true' } });
    assert.equal(forged.headers.get('idempotent-replayed'), null);
    assert.equal(service.effects, 1);
    const again = await ask('/forged', { key: 'k' });
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.equal(service.effects, 1);
  });

  play('another caller with the same key and request gets an answer of their own', async (ask, service) => {
    const mine = await (await ask('/orders', { key: 'k' })).text();
    const theirs = await ask('/orders', { key: 'k', headers: { 'x-tenant': 'other' } });
    assert.equal(theirs.headers.get('idempotent-replayed'), null);
    assert.notEqual(await theirs.text(), mine);
    assert.equal(service.effects, 2);
  });

  play('while the store hangs the request does not: 503, when to come again, and no effect', async (ask, service, { store }) => {
    store.faults.claim = 'hangs';
    const begun = performance.now();
    const answer = await ask('/orders', { key: 'k' });
    assert.ok(performance.now() - begun < 5_000);
    assert.equal(answer.headers.get('retry-after'), '1');
    await isProblem(answer, 503, 'store-down');
    assert.equal(service.effects, 0);
  });

  play('an effect whose record could not be sealed is not acknowledged (X19)', async (ask, service, { store }) => {
    store.faults.complete = 'fails';
    await isProblem(await ask('/orders', { key: 'k' }), 503, 'store-down');
    assert.equal(service.effects, 1);
  });

  play('two bodies that mean the same are one request where the route says what they mean', async (ask, service) => {
    await ask('/meaning', { key: 'k', body: '{"item":1,"at":"10:00"}' });
    assert.equal((await ask('/meaning', { key: 'k', body: '{"at":"10:05","item":1}' })).status, 200);
    await isProblem(await ask('/meaning', { key: 'k', body: '{"item":2}' }), 422, 'mismatch');
    assert.equal(service.effects, 1);
  });

  play(
    'observing changes nothing: what would have been refused or replayed runs, and is counted',
    async (ask, service, { events }) => {
      assert.equal((await ask('/orders')).status, 201);
      for (let times = 0; times < 2; times++) {
        const answer = await ask('/orders', { key: 'k' });
        assert.equal(answer.status, 201);
        assert.equal(answer.headers.get('idempotent-replayed'), null);
        await answer.text();
      }
      assert.equal((await ask('/forged', { key: 'f' })).headers.get('idempotent-replayed'), 'true');
      assert.equal((await ask('/broken', { key: 'b' })).status, 500);
      const large = await ask('/large', { key: 'l' });
      assert.ok(Buffer.from(await large.arrayBuffer()).equals(LARGE));
      assert.equal(service.effects, 6);
      assert.ok(events.every(({ observed }) => observed));
      const kinds = events.map(({ kind }) => kind);
      assert.deepEqual(kinds, ['key-missing', 'executed', 'replayed', 'executed', 'executed', 'executed']);
    },
    'observe',
  );

  play(
    'who cannot be named runs as before where it is only observed, and is counted',
    async (ask, service, { events }) => {
      assert.equal((await ask('/orders', { key: 'k', headers: { 'x-tenant': '' } })).status, 201);
      assert.equal(service.effects, 1);
      assert.deepEqual(
        events.map(({ kind, observed, error }) => [kind, observed, error instanceof TypeError]),
        [['unobserved', true, true]],
      );
    },
    'observe',
  );

  if (!can.stream) return;

  play('a stream’s first piece is not held back, and its retry learns that it was done', async (ask, service) => {
    const answer = await ask('/stream', { key: 'k' });
    const reader = answer.body!.getReader();
    const first = await reader.read();
    assert.equal(Buffer.from(first.value).toString(), 'data: 1\n\n');
    await isProblem(await ask('/stream', { key: 'k' }), 409, 'outstanding');
    service.finishStream();
    let rest = '';
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) rest += Buffer.from(piece.value).toString();
    assert.equal(rest, 'data: 2\n\n');
    await isProblem(await ask('/stream', { key: 'k' }), 409, 'already-done');
    assert.equal(service.effects, 1);
  });

  play('a stream whose record could not be sealed does not look whole', async (ask, service, { store }) => {
    store.faults.complete = 'fails';
    const answer = await ask('/stream', { key: 'k' });
    service.finishStream();
    await assert.rejects(answer.text());
  });

  play(
    'observing holds no stream back either',
    async (ask, service) => {
      const answer = await ask('/stream', { key: 'k' });
      const reader = answer.body!.getReader();
      assert.equal(Buffer.from((await reader.read()).value).toString(), 'data: 1\n\n');
      service.finishStream();
      assert.equal(Buffer.from((await reader.read()).value).toString(), 'data: 2\n\n');
      assert.equal((await reader.read()).done, true);
      assert.equal(service.effects, 1);
    },
    'observe',
  );
}

/** The route's own idea of what a body means. */
export const itemOf = (bytes: Uint8Array): string =>
  String((JSON.parse(Buffer.from(bytes).toString()) as { readonly item: number }).item);

/** What a layer around the guard says before it, for a test of `layersStay`. */
export const SAID_BEFORE = {
  'access-control-allow-origin': '*',
  'idempotent-replayed': 'false',
  location: '/elsewhere',
  etag: '"layer"',
};

/**
 * `POST /` is behind a layer that says `SAID_BEFORE`, and answers 201 and `made` with `x-of-handler: yes`, `location: /o/1` and no
 * `etag`.
 */
export async function layersStay({ send }: AdapterStage, store: FaultyStore): Promise<void> {
  const post = async (key: string, body = '{}') => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const answer = await send('/', { method: 'POST', body, headers });
    const [origin, handler, replayed, location, etag] = [
      'access-control-allow-origin',
      'x-of-handler',
      'idempotent-replayed',
      'location',
      'etag',
    ].map((name) => answer.headers.get(name));
    return { status: answer.status, body: await answer.text(), said: { origin, handler, replayed, location, etag } };
  };
  const nothing = { origin: null, handler: null, replayed: null, location: null, etag: null };

  const first = await post('k');
  assert.equal(first.status, 201);
  assert.deepEqual(first.said, { ...nothing, origin: '*', handler: 'yes', location: '/o/1' }, 'the first answer');
  const replay = await post('k');
  assert.deepEqual([replay.status, replay.body], [201, 'made']);
  assert.deepEqual(replay.said, { ...nothing, origin: '*', replayed: 'true', location: '/o/1' }, 'its replay');
  const refusal = await post('k', '{"other":1}');
  assert.equal(refusal.status, 422);
  assert.deepEqual(refusal.said, { ...nothing, origin: '*' }, 'a refusal');
  store.faults.complete = 'fails';
  const unsealed = await post('unsealed');
  assert.equal(unsealed.status, 503);
  assert.deepEqual(unsealed.said, { ...nothing, origin: '*' }, 'a refusal after the handler');
}
