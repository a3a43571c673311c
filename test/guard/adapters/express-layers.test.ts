/** The guard among other layers of Express: those around it, those within it, and error handlers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { ErrorRequestHandler, RequestHandler, Response as ExpressResponse } from 'express';
import { expressGuard } from '../../../src/guard/adapters/express.js';
import { until } from '../../harness/until.js';
import { bench, gate } from '../support.js';
import { EVENT_STREAM, layersStay, SAID_BEFORE } from './conformance.js';
import { post, tenant, withApp, type ExpressStage } from './express-support.js';

test('what an error handler does after the answer was given changes neither the answer nor its record', async () => {
  const { guard, store } = bench({ storeTimeoutMs: 5_000 });
  store.faults.complete = 'late';
  const late = gate();
  await withApp(
    (app) => {
      app.post('/', expressGuard(guard, { tenant }), (_request, response) => {
        response.status(201).location('/o/1').send('made');
        throw new Error('too late');
      });
      app.use(((_error, _request, response, _next) => {
        response.status(500).set('location', '/error').send('an error page');
        late.open();
      }) satisfies ErrorRequestHandler);
    },
    async ({ send }) => {
      const first = send('/', post('k', ''));
      await late.opened;
      await until(() => store.calls.includes('complete'), { withinMs: 5_000, what: 'the record' });
      store.answer();
      for (const answer of [await first, await send('/', post('k', ''))]) {
        assert.equal(answer.status, 201);
        assert.equal(answer.headers.get('location'), '/o/1');
        assert.equal(await answer.text(), 'made');
      }
    },
  );
});

test('what the layers around the guard say stays on a replay and on a refusal; what makes the answer is the record’s alone', async () => {
  const { guard, store } = bench();
  await withApp(
    (app) => {
      app.use((_request, response, next) => {
        response.set(SAID_BEFORE);
        next();
      });
      app.post('/', expressGuard(guard, { tenant }), (_request, response) => {
        response.set({ 'x-of-handler': 'yes', location: '/o/1' }).removeHeader('etag');
        response.status(201).end('made');
      });
    },
    (stage) => layersStay(stage, store),
  );
});

test('a layer within the guard that adds to the head when it goes out is heard', async () => {
  const { guard } = bench();
  await withApp(
    (app) => {
      app.post(
        '/',
        expressGuard(guard, { tenant }),
        (_request, response, next) => {
          const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => typeof response;
          response.writeHead = ((...given: unknown[]) => {
            response.setHeader('x-took', '3 ms');
            return writeHead(...given);
          }) as typeof response.writeHead;
          next();
        },
        (_request, response) => {
          response.status(201).send('made');
        },
      );
    },
    async ({ send }) => {
      const answer = await send('/', post('k', ''));
      assert.deepEqual([answer.status, answer.headers.get('x-took'), await answer.text()], [201, '3 ms', 'made']);
    },
  );
});

type Handler = (response: ExpressResponse) => unknown;

interface Layers {
  readonly around?: RequestHandler;
  readonly within?: RequestHandler;
}

const through: RequestHandler = (_request, _response, next) => {
  next();
};

/** `POST /` is what `handler` answers; the error handler answers 500 and `error page` as long as no answer was begun. */
function withLayers(
  handler: Handler,
  { around = through, within = through }: Layers,
  body: (stage: ExpressStage, at: ReturnType<typeof bench>) => Promise<void>,
): Promise<void> {
  const at = bench();
  return withApp(
    (app) => {
      app.post('/', around, expressGuard(at.guard, { tenant }), within, (_request, response) => handler(response));
      app.use(((error, _request, response, next) => {
        response.statusMessage = '';
        if (response.headersSent) next(error);
        else response.status(500).send('error page');
      }) satisfies ErrorRequestHandler);
    },
    (stage) => body(stage, at),
  );
}

/** As the package on-headers does it: the first time that the head goes out. */
function whenHeadGoesOut(listen: (response: ExpressResponse) => void): RequestHandler {
  return (_request, response, next) => {
    const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => ExpressResponse;
    let hasGone = false;
    response.writeHead = ((...given: unknown[]) => {
      if (!hasGone) {
        hasGone = true;
        listen(response);
      }
      return writeHead(response.statusCode, ...given.slice(1));
    }) as ExpressResponse['writeHead'];
    next();
  };
}

/** As sessions and compression do it: who ends an answer twice is heard once. */
const endsOnce: RequestHandler = (_request, response, next) => {
  const end = response.end.bind(response) as (...given: unknown[]) => ExpressResponse;
  let hasEnded = false;
  response.end = ((...given: unknown[]) => {
    if (hasEnded) return response;
    hasEnded = true;
    return end(...given);
  }) as ExpressResponse['end'];
  next();
};

const kindOf = async (answer: Response): Promise<string> =>
  ((await answer.json()) as { type: string }).type.slice('urn:sluice:guard:'.length);

test('a refusal after the handler goes past the layers within, which have ended their answer', async () => {
  await withLayers(
    (response) => response.status(201).json({ made: true }),
    { within: endsOnce },
    async ({ send }, { store }) => {
      store.faults.complete = 'fails';
      assert.equal(await kindOf(await send('/', post('k', ''))), 'store-down');
    },
  );
});

test('a layer within that throws as the head goes out throws at the handler, and the error handler answers', async () => {
  const within = whenHeadGoesOut(() => {
    throw new Error('no session');
  });
  await withLayers(
    (response) => response.status(201).json({ made: true }),
    { within },
    async ({ send }) => {
      const answer = await send('/', post('k', ''));
      assert.deepEqual([answer.status, await answer.text()], [500, 'error page']);
      assert.equal(await kindOf(await send('/', post('k', ''))), 'unknown');
    },
  );
});

test('what a layer within adds to the head is sealed, and stands on no refusal', async () => {
  const within = whenHeadGoesOut((response) => {
    response.status(202).set({ location: '/o/1', 'set-cookie': 'session=1' });
  });
  await withLayers(
    (response) => response.status(201).send('made'),
    { within },
    async ({ send }, { store }) => {
      const said = ({ status, headers }: Response): unknown[] => [status, headers.get('location'), headers.get('set-cookie')];
      assert.deepEqual(said(await send('/', post('k', ''))), [202, '/o/1', 'session=1']);
      assert.deepEqual(said(await send('/', post('k', ''))), [202, '/o/1', null]);
      store.faults.complete = 'fails';
      assert.deepEqual(said(await send('/', post('other', ''))), [503, null, null]);
    },
  );
});

test('an answer that Node would refuse to send is an error of the handler, and nothing is sealed', async () => {
  const answers: readonly Handler[] = [
    (response) => Object.assign(response, { statusMessage: 'a\nb' }).end('ok'),
    (response) => Object.assign(response, { statusCode: 1_000 }).end('ok'),
    (response) => Object.assign(response, { statusCode: 99 }).end('ok'),
    (response) => response.writeHead(200, 'a\nb').end('ok'),
    (response) => {
      Object.assign(response, { statusMessage: 'a\nb' }).flushHeaders();
    },
    (response) => Object.assign(response, { statusCode: 1_000 }).write('ok'),
    (response) => response.end({ no: 'text' } as unknown as string),
    (response) => response.end(5 as unknown as string),
  ];
  for (const handler of answers)
    await withLayers(handler, {}, async ({ send }, { store }) => {
      const answer = await send('/', post('k', ''));
      assert.deepEqual([answer.status, await answer.text()], [500, 'error page']);
      assert.equal(await kindOf(await send('/', post('k', ''))), 'unknown');
      assert.ok(!store.calls.includes('complete'));
    });
});

test('an answer that could not begin, because a layer around threw at its head, is as the error handler gives it', async () => {
  let throwing = true;
  const around = whenHeadGoesOut(() => {
    if (throwing) throw new Error('broken layer');
  });
  const handler: Handler = (response) => {
    response.type(EVENT_STREAM).write('data: 1\n\n');
    response.end();
  };
  await withLayers(handler, { around }, async ({ send }, { store }) => {
    assert.deepEqual([(await send('/', post('k', ''))).status, store.calls.includes('complete')], [500, false]);
    throwing = false;
    assert.equal(await kindOf(await send('/', post('k', ''))), 'unknown');
  });
});

/** As compression does it: who asks whether the head has gone, and believes it. */
const zips: RequestHandler = (_request, response, next) => {
  const { end } = response as { end: (...given: unknown[]) => ExpressResponse };
  const pieces: Buffer[] = [];
  let isZipped = false;
  const take = (piece: unknown): void => {
    if (!response.headersSent) response.writeHead(response.statusCode);
    if (piece !== undefined) pieces.push(Buffer.from(piece as Uint8Array));
  };
  whenHeadGoesOut(() => {
    response.setHeader('content-encoding', 'gzip').removeHeader('content-length');
    isZipped = !response.headersSent;
  })(_request, response, next);
  Object.assign(response, {
    write: (piece: unknown) => {
      take(piece);
      return true;
    },
    end: (piece?: unknown) => {
      take(piece);
      return end.call(response, isZipped ? gzipSync(Buffer.concat(pieces)) : Buffer.concat(pieces));
    },
  });
};

test('a layer around that asks whether the head has gone is told the truth, however the answer was made', async () => {
  const answers: readonly Handler[] = [
    (response) => response.type('text').send('abcdef'),
    (response) => {
      response.type('text').write('abc');
      response.end('def');
    },
    (response) => Readable.from(['abc', 'def']).pipe(response.type('text')),
  ];
  for (const handler of answers)
    await withLayers(handler, { around: zips }, async ({ send }) => {
      for (let times = 0; times < 2; times++) assert.equal(await (await send('/', post('k', ''))).text(), 'abcdef');
    });
});

test('the head stands once a piece was written: another status is not heard, another header is an error', async () => {
  const status: Handler = (response) => {
    response.status(201).write('a');
    response.status(404).end('b');
  };
  await withLayers(status, {}, async ({ send }) => {
    for (let times = 0; times < 2; times++) {
      const answer = await send('/', post('k', ''));
      assert.deepEqual([answer.status, await answer.text()], [201, 'ab']);
    }
  });
  const header: Handler = (response) => {
    response.type('text/csv').write('a');
    response.status(422).json({ error: 'bad row' });
  };
  const headAgain: Handler = (response) => {
    response.write('a');
    response.writeHead(500).end('b');
  };
  for (const handler of [header, headAgain])
    await withLayers(handler, {}, async ({ send }, { store }) => {
      await assert.rejects(async () => (await send('/', post('k', ''))).text(), TypeError);
      assert.ok(!store.calls.includes('complete'));
    });
});

test('a layer around that throws as the head goes out costs its own connection, and the record stands', async () => {
  let throwing = true;
  const around = whenHeadGoesOut(() => {
    if (throwing) throw new Error('broken layer');
  });
  await withLayers(
    (response) => response.status(201).send('made'),
    { around },
    async ({ send }) => {
      await assert.rejects(send('/', post('k', '')), /fetch failed/);
      throwing = false;
      const again = await send('/', post('k', ''));
      assert.deepEqual([again.status, again.headers.get('idempotent-replayed'), await again.text()], [201, 'true', 'made']);
    },
  );
});

test('an answer that was begun is not finished by an error handler: the client sees it cut, as without a guard', async () => {
  const handler: Handler = (response) => {
    response.write('partial');
    throw new Error('in the middle');
  };
  await withLayers(handler, {}, async ({ send }, { store }) => {
    await assert.rejects(async () => (await send('/', post('k', ''))).text(), TypeError);
    assert.ok(!store.calls.includes('complete'));
  });
});

test('a length that is not the body’s is not sent: its rest would be the next answer', async () => {
  const handler: Handler = (response) => {
    response.set('content-length', '3').write('abc');
    response.end('def');
  };
  await withLayers(handler, {}, async ({ send }) => {
    for (const answer of [await send('/', post('k', '')), await send('/', post('k', ''))])
      assert.deepEqual([await answer.text(), answer.headers.get('content-length')], ['abcdef', '6']);
  });
});

test('of an answer that passes at once, what is kept is as the handler said it and not as a layer around made it', async () => {
  const around = whenHeadGoesOut((response) =>
    response.setHeader('content-type', 'text/x-changed').setHeader('etag', '"changed"'),
  );
  const handler: Handler = (response) => {
    response.type('text/plain').flushHeaders();
    response.end('said');
  };
  await withLayers(handler, { around }, async ({ send }, { store, guard }) => {
    assert.equal((await send('/', post('k', ''))).headers.get('content-type'), 'text/x-changed');
    const replayed = await guard.begin({
      scope: { tenant: 'acme', method: 'POST', route: '/', key: 'k' },
      fingerprint: store.fingerprints[0]!,
    });
    assert.ok(replayed.kind === 'replay');
    assert.deepEqual(replayed.record.headers, { 'content-type': 'text/plain; charset=utf-8' });
  });
});

test('bytes that the handler uses again once they were taken are kept as they were', async () => {
  const handler: Handler = async (response) => {
    const bytes = Buffer.alloc(4);
    for (const letter of 'abc') {
      bytes.fill(letter);
      await promisify((text: Buffer, taken: () => void) => response.write(text, taken))(bytes);
    }
    response.end();
  };
  await withLayers(handler, {}, async ({ send }) => {
    for (let times = 0; times < 2; times++) assert.equal(await (await send('/', post('k', ''))).text(), 'aaaabbbbcccc');
  });
});

test('in observe what a handler says in its head alone is recorded too, and a stream is known for one', async () => {
  const { guard, store } = bench();
  const heads: readonly Record<string, string>[] = [{ location: '/o/1' }, { 'content-type': EVENT_STREAM }];
  await withApp(
    (app) => {
      app.disable('x-powered-by');
      for (const [index, head] of heads.entries()) {
        const answer: RequestHandler = (_request, response) => {
          response.writeHead(201, head).end('said');
        };
        app.post(`/${String(index)}`, expressGuard(guard, { tenant, mode: 'observe' }), answer);
      }
    },
    async ({ send }) => {
      const kept: unknown[] = [];
      for (const path of ['/0', '/1']) {
        await send(path, post('k', ''));
        const scope = { tenant: 'acme', method: 'POST', route: path, key: 'k' };
        const replayed = await guard.begin({ scope, fingerprint: store.fingerprints.at(-1)! });
        assert.ok(replayed.kind === 'replay');
        kept.push([replayed.record.headers, replayed.record.body.kind]);
      }
      assert.deepEqual(kept, [
        [heads[0], 'bytes'],
        [heads[1], 'streamed'],
      ]);
    },
  );
});
