/** From a service's refusal to the rollout's verdict: a mismatch under traffic puts the weight to 0, although it is a 4xx (R27). */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import express from 'express';
import { refusalsRise } from '../../../src/activities/supervise/schema-refusals.js';
import type { Supervise } from '../../../src/domain/effects.js';
import type { Cursor, Reading } from '../../../src/domain/reading.js';
import type { SchemaPins } from '../../../src/domain/words.js';
import { expressPins } from '../../../src/guard/adapters/express-pins.js';
import type { PinOptions } from '../../../src/guard/pins/admit.js';
import { ServiceMetrics } from '../../../src/guard/service/metrics.js';
import { expressService } from '../../../src/guard/service/node.js';
import { Service } from '../../../src/guard/service/service.js';
import { scrapeSource } from '../../../src/providers/metrics/scrape.js';
import { mappingOf } from '../../../src/worker/metric-sources.js';
import { FRAMEWORKS, headersFor, listen, PINS, startRevision, type Served } from './support.js';

const SERVICE = 'answer-api';
const PAIR = { stable: { id: 'blue', release: 'v1', slot: 'blue' }, candidate: { id: 'green', release: 'v2', slot: 'green' } };
const SUPERVISE = { ...PAIR, policy: { staleMs: 60_000, weightBp: 500 } } as unknown as Supervise;

const opened: Served[] = [];
afterEach(async () => {
  for (const { stop } of opened.splice(0)) await stop();
});

/** Both revisions, with the guard's metrics on a page each, and what a rollout reads of them since `begin`. */
async function stage(pinsOfCandidate: SchemaPins, options: Partial<PinOptions> = {}) {
  const pages = await Promise.all(
    [PAIR.stable, PAIR.candidate].map(async ({ id, release }) => {
      const metrics = new ServiceMetrics(SERVICE);
      const counts = metrics.of({ releaseId: release, revision: id });
      const page = await listen((_request, response) => {
        void metrics.text().then((text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text));
      });
      const revision = await startRevision(FRAMEWORKS['express']!, {
        revision: id,
        pins: id === 'blue' ? PINS : pinsOfCandidate,
        onEvent: (event) => {
          counts.event(event);
        },
        ...options,
      });
      opened.push(page, revision);
      return { page, revision };
    }),
  );
  const [stable, candidate] = pages as [(typeof pages)[0], (typeof pages)[0]];
  const urls = pages.map(({ page }) => page.url);
  const source = scrapeSource({ ...mappingOf({ from: 'guard' }), urls });
  let cursor: Cursor = 'begin';
  const read = async (): Promise<Reading> => {
    const target = { service: SERVICE, environment: 'test' };
    const read = await source.read(target, PAIR, cursor, AbortSignal.timeout(30_000));
    cursor = read.cursor;
    return read.reading;
  };
  const ask = (served: Served, headers: Record<string, string>): Promise<Response> => fetch(`${served.url}/nothing`, { headers });
  return { stable: stable.revision, candidate: candidate.revision, read, ask };
}

test('a candidate that refuses what stable serves is a schema mismatch', async () => {
  const { stable, candidate, read, ask } = await stage({ ...PINS, indexHash: 'index-b' });
  assert.equal((await ask(candidate, headersFor(PINS))).status, 412);
  assert.deepEqual((await read()).schemaRefusals?.value, { stable: 0, candidate: 0 }, 'what was before the step counts');
  assert.equal(refusalsRise(SUPERVISE, await read(), 0), undefined);

  for (let time = 0; time < 3; time++) {
    assert.equal((await ask(stable, headersFor(PINS))).status, 204);
    assert.equal((await ask(candidate, headersFor(PINS))).status, 412);
  }
  const reading = await read();
  assert.deepEqual(reading.schemaRefusals?.value, { stable: 0, candidate: 3 });
  assert.match(refusalsRise(SUPERVISE, reading, 0)?.text ?? '', /refused 3 requests for their schema pins/);
});

test('a candidate that hands its users back to stable is seen as well', async () => {
  const urls: string[] = [];
  const { stable, candidate, read, ask } = await stage(
    { ...PINS, schemaRev: 6 },
    { matching: () => ({ revision: 'blue', url: urls[0] ?? '' }) },
  );
  urls.push(stable.url);
  await read();
  assert.equal((await ask(candidate, headersFor(PINS))).status, 204);
  assert.equal(refusalsRise(SUPERVISE, await read(), 0)?.candidate !== undefined, true);
});

test('requests without pins, and requests that are only observed, stop no rollout', async () => {
  const strict = await stage(PINS);
  await strict.read();
  assert.equal((await strict.ask(strict.candidate, {})).status, 428);
  assert.deepEqual((await strict.read()).schemaRefusals?.value, { stable: 0, candidate: 0 });

  const observing = await stage({ ...PINS, schemaRev: 6 }, { mode: 'observe' });
  await observing.read();
  assert.equal((await observing.ask(observing.candidate, headersFor(PINS))).status, 204);
  assert.deepEqual((await observing.read()).schemaRefusals?.value, { stable: 0, candidate: 0 });
});

test('an answer that was carried names the revision that gave it, not the one that carried it', async () => {
  const served = (revision: string, pins: SchemaPins, matching?: PinOptions['matching']): Promise<Served> => {
    const service = new Service({ name: SERVICE, releaseId: `release-${revision}`, revision });
    const app = express().set('env', 'test');
    app.use(expressService(service), expressPins({ pins, revision, ...(matching === undefined ? {} : { matching }) }));
    app.get('/', (_request, response) => {
      response.send('served');
    });
    return listen(app);
  };
  const green = await served('green', { ...PINS, schemaRev: 8 });
  const blue = await served('blue', PINS, () => ({ revision: 'green', url: green.url }));
  opened.push(green, blue);
  const seen = async (pins: SchemaPins): Promise<unknown> => {
    const { headers } = await fetch(blue.url, { headers: headersFor(pins) });
    return ['x-revision', 'x-release-id', 'x-schema-rev'].map((name) => headers.get(name));
  };
  assert.deepEqual(await seen(PINS), ['blue', 'release-blue', '7']);
  assert.deepEqual(await seen({ ...PINS, schemaRev: 8 }), ['green', 'release-green', '8']);
});
