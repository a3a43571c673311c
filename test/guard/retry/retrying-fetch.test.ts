/** Retries against a real server, with a clock that the test moves (R23, X23). */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import fc from 'fast-check';
import { SchemaMismatch } from '../../../src/guard/pins/schema-pins.js';
import { retryingFetch, type Retry, type RetryOptions } from '../../../src/guard/retry/retrying-fetch.js';
import { headersFor, listen, PINS, startLooker, type Seen, type Served } from '../pins/support.js';

const opened: Served[] = [];
afterEach(async () => {
  for (const { stop } of opened.splice(0)) await stop();
});

type Answer = readonly [status: number, headers?: Record<string, string>];

interface Stage {
  readonly url: string;
  readonly seen: readonly Seen[];
  readonly retries: Retry[];
  readonly waits: number[];
  readonly fetch: typeof fetch;
}

/** Answers in turn; the last goes on. Jitter is half of what it may be unless told. */
async function stage(answers: readonly Answer[], options: Partial<RetryOptions> = {}): Promise<Stage> {
  let number = 0;
  const served = await startLooker((response) => {
    const [status, headers = {}] = answers[Math.min(number++, answers.length - 1)] ?? [500];
    response.writeHead(status, headers).end(`answer ${String(number)}`);
  });
  opened.push(served);
  const retries: Retry[] = [];
  const waits: number[] = [];
  let now = 0;
  const clock = {
    now: () => now,
    wait: (ms: number): Promise<void> => {
      waits.push(ms);
      now += ms;
      return Promise.resolve();
    },
  };
  const retrying = retryingFetch({
    budgetMs: 60_000,
    clock,
    random: () => 0.5,
    onRetry: (retry) => retries.push(retry),
    ...options,
  });
  return { url: served.url, seen: served.seen, retries, waits, fetch: retrying };
}

test('three tries in all, and the last answer is the answer', async () => {
  const { fetch, url, seen, retries } = await stage([[503]]);
  const answer = await fetch(url);
  assert.deepEqual([answer.status, await answer.text(), seen.length], [503, 'answer 3', 3]);
  assert.deepEqual(retries, [
    { attempt: 2, status: 503, waitMs: 50 },
    { attempt: 3, status: 503, waitMs: 100 },
  ]);
});

test('the first answer that is none to ask again for is the answer', async () => {
  const { fetch, url, seen } = await stage([[429], [200]]);
  assert.equal(await (await fetch(url)).text(), 'answer 2');
  assert.equal(seen.length, 2);
});

test('408, 429 and 5xx are tried again, and nothing else is', async () => {
  for (const status of [408, 429, 500, 502, 503, 504, 599]) assert.equal((await asked(status)).length, 3, String(status));
  for (const status of [200, 201, 204, 304, 400, 401, 404, 409, 412, 422, 425, 428])
    assert.equal((await asked(status)).length, 1, String(status));

  async function asked(status: number): Promise<readonly Seen[]> {
    const { fetch, url, seen } = await stage([[status]]);
    assert.equal((await fetch(url)).status, status);
    return seen;
  }
});

test('no answer at all is no reason for a retry', async () => {
  const { url, stop } = await startLooker();
  await stop();
  const { fetch, retries } = await stage([[200]]);
  await assert.rejects(fetch(url), TypeError);
  assert.deepEqual(retries, []);
});

test('jitter is full: from nothing to the whole of a bound that doubles', async () => {
  for (const [random, expected] of [
    [0, [0, 0]],
    [0.999, [99.9, 199.8]],
  ] as const) {
    const { fetch, url, waits } = await stage([[503]], { random: () => random });
    await fetch(url);
    assert.deepEqual(waits, expected);
  }
  const { fetch, url, waits } = await stage([[503]], { random: Math.random });
  await fetch(url);
  assert.ok(waits.every((ms, index) => ms >= 0 && ms < 100 * 2 ** index));
});

test('Retry-After is waited for, in seconds and as a date', async () => {
  const { fetch, url, waits } = await stage([
    [429, { 'retry-after': '2' }],
    [503, { 'retry-after': 'Wed, 25 Nov 2026 03:00:05 GMT', date: 'Wed, 25 Nov 2026 03:00:00 GMT' }],
    [200],
  ]);
  assert.equal((await fetch(url)).status, 200);
  assert.deepEqual(waits, [2_050, 5_100]);
});

test('a Retry-After beyond the budget ends it: the answer is given back at once, and can be read', async () => {
  const { fetch, url, seen, waits } = await stage([[503, { 'retry-after': '60' }], [200]]);
  const answer = await fetch(url);
  assert.deepEqual([answer.status, await answer.text(), seen.length, waits.length], [503, 'answer 1', 1, 0]);
});

test('waiting never reaches beyond the budget', async () => {
  const { fetch, url, seen, waits } = await stage([[503, { 'retry-after': '7' }]], { budgetMs: 10_000 });
  assert.equal((await fetch(url)).status, 503);
  assert.deepEqual([seen.length, waits], [2, [7_050]]);
});

test('every try of a write has one and the same key; the client’s own if it has one', async () => {
  const keysOf = async (init: RequestInit): Promise<(string | undefined)[]> => {
    const { fetch, url, seen } = await stage([[503]]);
    await fetch(url, init);
    return seen.map(({ headers }) => headers['idempotency-key'] as string | undefined);
  };
  const made = await keysOf({ method: 'POST', body: 'b' });
  assert.equal(made.length, 3);
  assert.equal(new Set(made).size, 1);
  assert.match(made[0] ?? '', /^[0-9a-f-]{36}$/);
  assert.deepEqual(await keysOf({ method: 'POST', headers: { 'Idempotency-Key': 'mine' } }), ['mine', 'mine', 'mine']);
  assert.deepEqual(await keysOf({ method: 'GET' }), [undefined, undefined, undefined]);
  assert.notEqual((await keysOf({ method: 'PUT' }))[0], made[0]);
});

test('every try has the whole body, of a Request as well', async () => {
  const { fetch, url, seen } = await stage([[503]]);
  await fetch(url, { method: 'POST', body: 'text' });
  await fetch(new Request(url, { method: 'POST', body: 'of a request' }));
  assert.deepEqual(
    seen.map(({ body }) => body.toString()),
    ['text', 'text', 'text', 'of a request', 'of a request', 'of a request'],
  );
});

test('a body that can be read once is sent once', async () => {
  const { fetch, url, seen } = await stage([[503]]);
  await fetch(url, { method: 'POST', body: new Blob(['once']).stream(), duplex: 'half' });
  assert.deepEqual(
    seen.map(({ body }) => body.toString()),
    ['once'],
  );
});

const BLUE = { 'x-revision': 'blue' };
const GREEN = { 'x-revision': 'green' };

test('without pins the first answer by another revision is the last', async () => {
  const { fetch, url, seen } = await stage([
    [503, BLUE],
    [503, GREEN],
    [200, GREEN],
  ]);
  const answer = await fetch(url);
  assert.deepEqual([answer.status, answer.headers.get('x-revision'), seen.length], [503, 'green', 2]);
});

test('within one revision there is no boundary, whether it always tells its name or not', async () => {
  for (const answers of [
    [
      [503, BLUE],
      [503, BLUE],
      [200, BLUE],
    ],
    [[503], [503, BLUE], [200]],
    [[503, BLUE], [503], [200]],
  ] as const) {
    const { fetch, url, seen } = await stage(answers);
    assert.equal((await fetch(url)).status, 200);
    assert.equal(seen.length, 3);
  }
});

test('with pins a retry may cross: whom it does not fit refuses', async () => {
  const crossing: readonly Answer[] = [
    [503, BLUE],
    [503, GREEN],
    [200, { ...GREEN, ...headersFor(PINS) }],
  ];
  const own = await stage(crossing, { pins: PINS });
  assert.equal((await own.fetch(own.url)).status, 200);
  assert.deepEqual(
    own.seen.map(({ headers }) => headers['x-schema-rev']),
    ['7', '7', '7'],
  );
  const given = await stage(crossing);
  assert.equal((await given.fetch(given.url, { headers: headersFor(PINS) })).status, 200);
  const half = await stage(crossing);
  assert.equal((await half.fetch(half.url, { headers: { 'x-schema-rev': '7' } })).status, 503);
});

test('an answer that is made for other data is no reason for a retry', async () => {
  const { fetch, url, seen } = await stage([[503], [200, headersFor({ ...PINS, schemaRev: 6 })]], { pins: PINS });
  await assert.rejects(fetch(url), SchemaMismatch);
  assert.equal(seen.length, 2);
});

test('a caller that gives up ends the call, the waiting and the tries, with its own reason', async () => {
  const { fetch, url, seen } = await stage([[503]], {
    clock: {
      now: () => 0,
      wait: (_ms, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
          leaving.abort(new Error('the user left'));
        }),
    },
  });
  const leaving = new AbortController();
  await assert.rejects(fetch(url, { signal: leaving.signal }), /the user left/);
  assert.equal(seen.length, 1);
  await assert.rejects(fetch(url, { signal: AbortSignal.abort(new Error('left before')) }), /left before/);
  assert.equal(seen.length, 1, 'a call was made for somebody who had left');
});

test('real waiting ends with its caller’s reason', async () => {
  const served = await startLooker((response) => response.writeHead(503, { 'retry-after': '3600' }).end());
  opened.push(served);
  const leaving = new AbortController();
  const call = retryingFetch({
    budgetMs: 86_400_000,
    onRetry: () => {
      setImmediate(() => {
        leaving.abort(new Error('the user left'));
      });
    },
  })(served.url, { signal: leaving.signal });
  await assert.rejects(call, /the user left/);
});

test('a server that never answers ends with the budget', async () => {
  const silent = await listen(() => undefined);
  opened.push(silent);
  await assert.rejects(retryingFetch({ budgetMs: 50 })(silent.url), { name: 'TimeoutError' });
});

test('the budget counts the answer’s body as well', async () => {
  const halting = await listen((_request, response) => {
    response.writeHead(200).write('and then');
  });
  opened.push(halting);
  const whole = async (): Promise<string> => (await retryingFetch({ budgetMs: 1_000 })(halting.url)).text();
  await assert.rejects(whole, { name: 'TimeoutError' });
});

test('whatever is answered, there are at most three tries and never a wait beyond the budget', async () => {
  const status = fc.constantFrom(200, 404, 408, 412, 429, 500, 503);
  const retryAfter = fc.option(fc.constantFrom('0', '1', '5', '100', 'soon', 'Wed, 25 Nov 2026 03:00:05 GMT'));
  const answer = fc.tuple(status, retryAfter, fc.constantFrom('blue', 'green'));
  await fc.assert(
    fc.asyncProperty(
      fc.array(answer, { minLength: 3, maxLength: 3 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.boolean(),
      async (answers, budgetMs, isPinned) => {
        const asked: string[] = [];
        let now = 0;
        const answering = (): Promise<Response> => {
          const [code, after, revision] = answers[asked.length]!;
          asked.push(revision);
          const headers = {
            'x-revision': revision,
            date: 'Wed, 25 Nov 2026 03:00:00 GMT',
            ...(after === null ? {} : { 'retry-after': after }),
          };
          return Promise.resolve(new Response('', { status: code, headers }));
        };
        const clock = { now: () => now, wait: (ms: number) => Promise.resolve(void (now += ms)) };
        const retrying = retryingFetch({ budgetMs, clock, fetch: answering, ...(isPinned ? { pins: PINS } : {}) });
        const { status: last } = await retrying('http://127.0.0.1/');
        assert.ok(asked.length <= 3 && now < budgetMs);
        assert.equal(last, answers[asked.length - 1]?.[0]);
        // Only the last of them may be another revision's.
        if (!isPinned) assert.equal(new Set(asked.slice(0, -1)).size, Math.min(asked.length - 1, 1));
      },
    ),
    { numRuns: 2_000 },
  );
});
