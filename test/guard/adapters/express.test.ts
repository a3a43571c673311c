import assert from 'node:assert/strict';
import { IncomingMessage, request as httpRequest, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import express, { type Express } from 'express';
import { expressGuard, keepRawBody } from '../../../src/guard/adapters/express.js';
import { until } from '../../harness/until.js';
import { bench, gate } from '../support.js';
import { adapterConformance, BINARY, EVENT_STREAM, itemOf, LARGE, type AdapterStage, type StageOptions } from './conformance.js';
import { post, serve, tenant, withApp } from './express-support.js';

function service({ guard, service, mode }: StageOptions): Express {
  const app = express().set('env', 'test');
  const meaning = expressGuard(guard, { tenant, mode, meaning: (_request, bytes) => itemOf(bytes) });
  app.post('/meaning', meaning, (_request, response) => {
    response.send(String(service.effect()));
  });
  app.use(expressGuard(guard, { tenant, mode }), express.json());
  app.get('/orders', (_request, response) => {
    response.json([]);
  });
  app.post('/orders', (request, response) => {
    assert.deepEqual(request.body, { item: 1 }, 'the handler’s own body was not left whole');
    const order = service.effect();
    response
      .status(201)
      .location(`/orders/${String(order)}`)
      .cookie('session', '1')
      .json({ order });
  });
  app.post('/slow', async (_request, response) => {
    const order = service.effect();
    service.entered.open();
    await service.slow;
    response.type('text').send(`slow ${String(order)}`);
  });
  app.post('/empty', (_request, response) => {
    service.effect();
    response.status(204).end();
  });
  app.post('/bad', (_request, response) => {
    service.effect();
    response.writeHead(400, { 'Content-Type': 'application/vnd.orders+json' });
    response.write('{"why":');
    response.end('"<no>"}');
  });
  app.post('/broken', () => {
    service.effect();
    throw new Error('broken');
  });
  app.post('/binary', (_request, response) => {
    service.effect();
    response.type('application/octet-stream');
    Readable.from([BINARY.subarray(0, 100), BINARY.subarray(100)]).pipe(response);
  });
  app.post('/large', (_request, response) => {
    service.effect();
    Readable.from([LARGE.subarray(0, 200_000), LARGE.subarray(200_000)]).pipe(response);
  });
  app.post('/forged', (_request, response) => {
    service.effect();
    response.set('Idempotent-Replayed', 'true').send('fresh');
  });
  app.post('/stream', async (_request, response) => {
    service.effect();
    response.type(EVENT_STREAM);
    response.write('data: 1\n\n');
    await service.streaming;
    response.end('data: 2\n\n');
  });
  return app;
}

adapterConformance('express', (options) => serve(service(options)), { stream: true });

test('behind a parser that keeps the raw bytes the guard sees them; behind one that does not, the error says what to do', async () => {
  const { guard } = bench();
  let effects = 0;
  const handler = express.Router().post('/', expressGuard(guard, { tenant }), (_request, response) => {
    effects++;
    response.send('ok');
  });
  const errors: unknown[] = [];
  await withApp(
    (app) => {
      app.use('/kept', express.json({ verify: keepRawBody }), handler);
      app.use('/lost', express.json(), handler);
      app.use(((error, _request, response, _next) => {
        errors.push(error);
        response.status(500).end();
      }) satisfies express.ErrorRequestHandler);
    },
    async ({ send }) => {
      assert.equal((await send('/kept', post('k', '{"a":1}'))).status, 200);
      assert.equal((await send('/kept', post('k', '{"a": 1}'))).status, 422);
      assert.equal((await send('/lost', post('k', '{"a":1}'))).status, 500);
      assert.match(String(errors[0]), /mount the guard first, or give the parser \{ verify: keepRawBody \}/);
      assert.equal(effects, 1);
    },
  );
});

test('a body of many pieces passes whole to whoever reads it next, as a stream too', async () => {
  const { guard } = bench();
  const body = JSON.stringify({ text: 'é'.repeat(500_000) });
  await withApp(
    (app) => {
      app.post('/parsed', expressGuard(guard, { tenant }), express.json({ limit: '5mb' }), (request, response) => {
        response.send(String(JSON.stringify(request.body) === body));
      });
      app.post('/streamed', expressGuard(guard, { tenant }), async (request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        response.send(String(Buffer.concat(chunks).toString() === body));
      });
    },
    async ({ send }) => {
      for (const path of ['/parsed', '/streamed']) assert.equal(await (await send(path, post('k', body))).text(), 'true', path);
      const pieces = new ReadableStream({
        start(controller) {
          for (let at = 0; at < body.length; at += 100_000) controller.enqueue(Buffer.from(body.slice(at, at + 100_000)));
          controller.close();
        },
      });
      const chunked = await send('/streamed', { ...post('k-2', ''), body: pieces, duplex: 'half' });
      assert.equal(await chunked.text(), 'true');
    },
  );
});

test('a body over the limit is refused before anything is claimed', async () => {
  const { guard, store } = bench();
  await withApp(
    (app) => app.post('/', expressGuard(guard, { tenant, bodyLimitBytes: 10 }), () => assert.fail('it ran')),
    async ({ send }) => {
      const answer = await send('/', post('k', 'x'.repeat(1_000)));
      assert.equal(answer.status, 413);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      assert.deepEqual(store.calls, []);
    },
  );
});

test('after a body over the limit the connection is closed, so that its rest is not taken for a request', async () => {
  const { guard } = bench();
  await withApp(
    (app) => app.post('/', expressGuard(guard, { tenant, bodyLimitBytes: 10 }), (_, response) => response.end('ran')),
    async ({ send }) => {
      const answer = await send('/', post('k', 'x'.repeat(1_000_000)));
      assert.deepEqual([answer.status, answer.headers.get('connection')], [413, 'close']);
      assert.equal(await (await send('/', post('k-2', 'x'))).text(), 'ran');
    },
  );
});

test('options that cannot be meant are an error where the guard is set up', () => {
  const { guard } = bench();
  const made = (change: object) => () => expressGuard(guard, { tenant, ...change });
  assert.throws(made({ tenant: undefined }), /^TypeError: options\.tenant is missing/);
  assert.throws(made({ onLost: 'rexecute' }), /onLost is "rexecute", it must be reject or reexecute/);
  assert.throws(made({ onStoreDown: 'runn' }), /onStoreDown is "runn"/);
  assert.throws(made({ mode: 'observ' }), /mode is "observ"/);
  assert.throws(made({ retainMs: 1_000 }), /at least 24 h/);
  assert.throws(made({ leaseMs: 0 }), /leaseMs is 0/);
});

test('methods are guarded however they are written', async () => {
  const { guard } = bench();
  await withApp(
    (app) => app.post('/', expressGuard(guard, { tenant, methods: ['post'] }), () => assert.fail('it ran')),
    async ({ send }) => {
      assert.equal((await send('/', { method: 'POST', body: 'x' })).status, 400);
    },
  );
});

test('on a route its pattern is the scope, so that two paths of one pattern are told apart by their fingerprint', async () => {
  const { guard } = bench();
  await withApp(
    (app) =>
      app.post(
        '/orders/:id/pay',
        expressGuard(guard, { tenant }),
        (request, response) => void response.send(request.params['id']),
      ),
    async ({ send }) => {
      assert.equal(await (await send('/orders/1/pay', post('k', ''))).text(), '1');
      assert.equal((await send('/orders/2/pay', post('k', ''))).status, 422);
    },
  );
});

test('mounted twice on one request it guards once', async () => {
  const { guard } = bench();
  const twice = expressGuard(guard, { tenant });
  await withApp(
    (app) => app.use(twice).post('/', twice, (_request, response) => void response.send('once')),
    async ({ send }) => {
      for (let times = 0; times < 2; times++) assert.equal(await (await send('/', post('k', ''))).text(), 'once');
    },
  );
});

test('a client that went away leaves the handler its claim: what it then does is sealed and answers the retry', async () => {
  const { guard, store } = bench();
  const { opened, open } = gate();
  const entered = gate();
  await withApp(
    (app) =>
      app.post('/', expressGuard(guard, { tenant }), async (_request, response) => {
        entered.open();
        await opened;
        response.status(201).send('made');
      }),
    async ({ send }) => {
      const abort = new AbortController();
      const gone = send('/', { ...post('k', ''), signal: abort.signal });
      await entered.opened;
      abort.abort();
      await assert.rejects(gone);
      open();
      await until(() => store.calls.includes('complete'), { withinMs: 5_000, what: 'the record' });
      const again = await send('/', post('k', ''));
      assert.equal(again.headers.get('idempotent-replayed'), 'true');
      assert.equal(await again.text(), 'made');
    },
  );
});

/** The client reads the first piece of a stream and leaves; then it asks again with the same key. */
async function leaveAndAskAgain({ send }: AdapterStage, left: () => Promise<unknown>): Promise<string> {
  const abort = new AbortController();
  const answer = await send('/', { ...post('k', ''), signal: abort.signal });
  await answer.body!.getReader().read();
  abort.abort();
  await left();
  return ((await (await send('/', post('k', ''))).json()) as { type: string }).type;
}

test('a client that leaves a stream which is piped cuts it, and the retry is told at once that the outcome is unknown', async () => {
  const { guard, store } = bench();
  const source = new Readable({ read: () => undefined });
  source.push('data: 1\n\n');
  await withApp(
    (app) =>
      app.post('/', expressGuard(guard, { tenant }), (_request, response) => {
        source.pipe(response.type(EVENT_STREAM));
      }),
    async (stage) => {
      const isOver = () => until(() => store.calls.includes('renew'), { withinMs: 5_000, what: 'the end of the lease' });
      assert.equal(await leaveAndAskAgain(stage, isOver), 'urn:sluice:guard:unknown');
      assert.ok(!store.calls.includes('complete'));
    },
  );
});

test('a handler that writes a stream by itself keeps its claim when the client leaves, and may end it', async () => {
  const { guard, store } = bench();
  const { opened, open } = gate();
  const left = gate();
  await withApp(
    (app) =>
      app.post('/', expressGuard(guard, { tenant }), async (_request, response) => {
        response.once('close', left.open);
        response.type(EVENT_STREAM).write('data: 1\n\n');
        await opened;
        response.end('data: 2\n\n');
      }),
    async (stage) => {
      assert.equal(await leaveAndAskAgain(stage, () => left.opened), 'urn:sluice:guard:outstanding');
      open();
      await until(() => store.calls.includes('complete'), { withinMs: 5_000, what: 'the record' });
      const again = (await (await stage.send('/', post('k', ''))).json()) as { type: string };
      assert.equal(again.type, 'urn:sluice:guard:already-done');
    },
  );
});

test('a head that a handler flushes is sent at once', async () => {
  const { guard } = bench();
  const { opened, open } = gate();
  await withApp(
    (app) =>
      app.post('/', expressGuard(guard, { tenant }), async (_request, response) => {
        response.flushHeaders();
        await opened;
        response.end('late');
      }),
    async ({ send }) => {
      const answer = await send('/', post('k', ''));
      assert.equal(answer.status, 200);
      open();
      assert.equal(await answer.text(), 'late');
    },
  );
});

test('a client that leaves while the store is asked leaves no lease that is renewed for ever', async () => {
  const [left, control] = [bench({ storeTimeoutMs: 5_000 }), bench()];
  left.store.faults.claim = 'late';
  const entered = gate();
  const { opened, open } = gate();
  await withApp(
    (app) => {
      app.post('/left', expressGuard(left.guard, { tenant, leaseMs: 30 }), async (_request, response) => {
        entered.open();
        await opened;
        response.end('late');
      });
      app.post('/stays', expressGuard(control.guard, { tenant, leaseMs: 30 }), async (_request, response) => {
        await opened;
        response.end('late');
      });
    },
    async ({ send, server }) => {
      const closed = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
      const abort = new AbortController();
      const gone = send('/left', { ...post('k', ''), signal: abort.signal });
      await until(() => left.store.calls.includes('claim'), { withinMs: 5_000, what: 'the claim' });
      abort.abort();
      await assert.rejects(gone);
      await closed;
      left.store.answer();
      await entered.opened;
      const stays = send('/stays', post('k', ''));
      const renewals = ({ store }: typeof left): number => store.calls.filter((call) => call === 'renew').length;
      await until(() => renewals(control) >= 3, { withinMs: 5_000, what: 'three renewals of a lease whose client is there' });
      assert.equal(renewals(left), 0);
      open();
      await stays;
    },
  );
});

test('an empty body that came in pieces while others were at work is empty', async () => {
  const { guard } = bench();
  await withApp(
    (app) => {
      app.use(async (request, _response, next) => {
        await until(() => request.complete, { withinMs: 5_000, what: 'the whole request' });
        next();
      });
      app.post('/', expressGuard(guard, { tenant }), express.text(), (request, response) => {
        response.send(`got ${JSON.stringify(request.body ?? '')}`);
      });
    },
    async ({ port }) => {
      const headers = { 'idempotency-key': 'k', 'transfer-encoding': 'chunked' };
      const answer = await new Promise<string>((resolve, reject) => {
        const asked = httpRequest({ host: '127.0.0.1', port, method: 'POST', headers }, (response) => {
          response.setEncoding('utf8').on('data', resolve);
        });
        asked.on('error', reject).end();
      });
      assert.equal(answer, 'got ""');
    },
  );
});

test('a request that breaks off is an error in observe too, and no handler takes it for one without a body', async () => {
  for (const mode of ['observe', 'enforce'] as const) {
    const { guard } = bench();
    const errors: unknown[] = [];
    await withApp(
      (app) => {
        app.use(expressGuard(guard, { tenant, mode }), express.json());
        app.post('/', () => assert.fail('it ran'));
        app.use(((error, _request, response, _next) => {
          errors.push(error);
          response.end();
        }) satisfies express.ErrorRequestHandler);
      },
      async ({ port }) => {
        const headers = { 'idempotency-key': 'k', 'content-length': '100', 'content-type': 'application/json' };
        const asked = httpRequest({ host: '127.0.0.1', port, method: 'POST', headers }).on('error', () => undefined);
        asked.write('{"a', () => asked.destroy());
        await until(() => errors.length > 0, { withinMs: 5_000, what: 'the error' });
        assert.match(String(errors[0]), /aborted|went away/);
      },
    );
  }
});

/** As a handler of a batch makes it. */
const payAfter = <Request extends object>(request: Request, key: string): Request =>
  Object.create(request, {
    url: { value: '/pay', writable: true },
    originalUrl: { value: '/pay', writable: true },
    headers: { value: { 'idempotency-key': key } },
  }) as Request;

test('a request that a handler makes after the one it has is guarded by itself', { timeout: 30_000 }, async () => {
  const { guard } = bench();
  let paid = 0;
  const once = expressGuard(guard, { tenant, route: (request) => request.url ?? '' });
  const pay = express.Router().use(once);
  pay.post('/pay', (_request, response) => {
    response.end(String(++paid));
  });
  await withApp(
    (app) => {
      app.post('/batch', once, async (request, response) => {
        const answers: string[] = [];
        for (let times = 0; times < 2; times++)
          answers.push(await answerOf((one) => pay(payAfter(request, 'p'), one as express.Response, () => undefined)));
        response.json(answers);
      });
    },
    async ({ send }) => {
      assert.equal(await (await send('/batch', post('k', ''))).text(), '["1","1"]');
      assert.equal(paid, 1);
    },
  );
});

test('requests made after a guarded one, with responses of their own, leave each other and its answer alone', async () => {
  const { guard } = bench();
  let paid = 0;
  const once = expressGuard(guard, { tenant, route: (request) => request.url ?? '' });
  const pay = express.Router().use(once);
  pay.post('/pay', (request, response) => {
    const answer = `${String(request.headers['idempotency-key'])} ${String(++paid)}`;
    setImmediate(() => response.end(answer));
  });
  await withApp(
    (app) => {
      app.post('/batch', once, async (request, response) => {
        const asked = ['p', 'q'].map((key) => {
          const derived = payAfter(request, key);
          return answerOf((one) => {
            pay(derived, one as express.Response, () => undefined);
          }, derived);
        });
        response.json(await Promise.all(asked));
      });
    },
    async ({ send }) => {
      for (const replayed of [null, 'true']) {
        const answer = await send('/batch', post('k', ''));
        assert.deepEqual([await answer.text(), answer.headers.get('idempotent-replayed')], ['["p 1","q 2"]', replayed]);
      }
      assert.equal(paid, 2);
    },
  );
});

for (const [how, wrap] of [
  ['behind a Proxy', (response: express.Response) => new Proxy(response, {})],
  ['by an object made after it', (response: express.Response) => Object.create(response) as express.Response],
] as const)
  test(`what is answered ${how} is held until it is sealed`, { timeout: 30_000 }, async () => {
    const { guard, store } = bench();
    let ran = 0;
    await withApp(
      (app) => {
        app.post('/', expressGuard(guard, { tenant }), (_request, response) => {
          wrap(response).end(`answer ${String(++ran)}`);
        });
      },
      async ({ send }) => {
        store.faults.complete = 'fails';
        assert.equal((await send('/', post('k', ''))).status, 503, 'what could not be sealed is not sent');
        store.faults.complete = undefined;
        const answers = [await send('/', post('k-2', '')), await send('/', post('k-2', ''))];
        assert.deepEqual(await Promise.all(answers.map((answer) => answer.text())), ['answer 2', 'answer 2']);
      },
    );
  });

/** As a layer that wraps an object makes it: what is called and set goes to the object itself. */
const boundTo = <T extends object>(whole: T): T =>
  new Proxy(whole, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });

test(
  'a guard that is given its request and response behind a Proxy reads the body, seals, and lets layers around hear of the head',
  { timeout: 30_000 },
  async () => {
    const { guard } = bench();
    await withApp(
      (app) => {
        app.post('/', (request, response, next) => {
          const { writeHead } = response as unknown as { writeHead: (...given: unknown[]) => unknown };
          Object.assign(response, {
            writeHead: (...given: unknown[]) => {
              response.setHeader('x-around', 'yes');
              return writeHead.apply(response, given);
            },
          });
          const asked = boundTo(request);
          const answered = boundTo(response);
          expressGuard(guard, { tenant, route: () => 'orders' })(asked, answered, () => {
            void text(request).then((body) => answered.end(body));
          }).catch(next);
        });
      },
      async ({ send }) => {
        for (const replayed of [null, 'true']) {
          const answer = await send('/', post('k', '{"a":1}'));
          const { headers } = answer;
          assert.deepEqual(
            [await answer.text(), headers.get('x-around'), headers.get('idempotent-replayed')],
            ['{"a":1}', 'yes', replayed],
          );
        }
      },
    );
  },
);

for (const [how, wrap] of [
  ['a Proxy that binds', (response: express.Response) => boundTo(response)],
  ['a Proxy', (response: express.Response) => new Proxy(response, {})],
  ['an object made after it', (response: express.Response) => Object.create(response) as express.Response],
] as const)
  test(
    `a guard within another one that is given the response as ${how} seals under its own key`,
    { timeout: 30_000 },
    async () => {
      const { guard } = bench();
      let ran = 0;
      await withApp(
        (app) => {
          app.post('/', expressGuard(guard, { tenant }), (request, response, next) => {
            const wrapped = wrap(response);
            const derived = Object.create(request, { headers: { value: { 'idempotency-key': 'inner' } } }) as typeof request;
            expressGuard(guard, { tenant, route: () => 'inner' })(derived, wrapped, () => {
              wrapped.end(`answer ${String(++ran)}`);
            }).catch(next);
          });
        },
        async ({ send }) => {
          for (const key of ['a', 'b']) assert.equal(await (await send('/', post(key, ''))).text(), 'answer 1');
          assert.equal(ran, 1);
        },
      );
    },
  );

test('a response that is handed to another application with a request of its own stays held', { timeout: 30_000 }, async () => {
  const { guard, store } = bench();
  const inner = express();
  inner.post('/inner', (request, response) => {
    response.json({ inner: request.url });
  });
  await withApp(
    (app) => {
      app.post('/', expressGuard(guard, { tenant }), (_request, response) => {
        const made = Object.assign(new IncomingMessage(new Socket()), { method: 'POST', url: '/inner', headers: {} });
        inner(made, response);
      });
    },
    async ({ send }) => {
      store.faults.complete = 'fails';
      assert.equal((await send('/', post('k', ''))).status, 503, 'what could not be sealed is not sent');
      store.faults.complete = undefined;
      for (const replayed of [null, 'true']) {
        const answer = await send('/', post('k-2', ''));
        assert.deepEqual([await answer.text(), answer.headers.get('idempotent-replayed')], ['{"inner":"/inner"}', replayed]);
      }
    },
  );
});

/** What is answered to a request that came by no connection. */
function answerOf(ask: (response: ServerResponse) => void, asked = new IncomingMessage(new Socket())): Promise<string> {
  return new Promise((resolve) => {
    const response = new ServerResponse(asked);
    Object.assign(response, {
      end: (said: Uint8Array | string) => {
        resolve(Buffer.from(said as string).toString());
      },
    });
    ask(response);
  });
}

test('options may be of a class', async () => {
  const { guard, events } = bench();
  class Options {
    tenant = tenant;
    get bodyLimitBytes(): number {
      return 5;
    }
    route(): string {
      return 'orders';
    }
  }
  await withApp(
    (app) =>
      app.post('/', expressGuard(guard, new Options()), (_request, response) => {
        response.send('ok');
      }),
    async ({ send }) => {
      assert.equal((await send('/', post('k', '123456'))).status, 413);
      assert.equal((await send('/', post('k', '12345'))).status, 200);
      assert.deepEqual(
        events.map(({ kind, route }) => [kind, route]),
        [
          ['body-too-large', 'orders'],
          ['executed', 'orders'],
        ],
      );
    },
  );
});
