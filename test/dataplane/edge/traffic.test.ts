/** Weight changes, a rollback and a promotion under load: nobody fails, no stream ends, and shares are what was told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pool, request, type Dispatcher } from 'undici';
import { EdgeRouter } from '../../../src/providers/routers/edge/router.js';
import { until } from '../../harness/until.js';
import { startTestEdge, TOKEN, type TestEdge } from './support.js';

const target = { service: 'app', environment: 'production' };
const blue = { id: 'blue', slot: 'blue', release: 'release-1' };
const green = { id: 'green', slot: 'green', release: 'release-2' };
const ramp = (number: number) => ({ id: `release-2~${String(number)}`, epoch: number, owner: 'rollout/production/app' });
const REQUESTS = 20_000;

interface Seen {
  readonly n: number;
  readonly slot: string;
  readonly gen: string;
  readonly lease: string;
}

/** Kept connections, each sending as soon as it has its answer; `progress` is where the test hangs its changes. */
class Load {
  readonly seen: Seen[] = [];
  readonly failed: string[] = [];
  readonly finished: Promise<void>;
  #sent = 0;

  constructor(edge: TestEdge, connections: number) {
    const pool = new Pool(edge.edge.addresses.public.url, { connections });
    this.finished = Promise.all(Array.from({ length: connections }, () => this.#send(pool))).then(() => pool.close());
  }

  async progress(requests: number): Promise<void> {
    await until(() => this.seen.length + this.failed.length >= requests, {
      withinMs: 150_000,
      what: `${String(requests)} requests`,
      everyMs: 2,
    });
  }

  async #send(pool: Pool): Promise<void> {
    while (this.#sent < REQUESTS) {
      const n = this.#sent++;
      try {
        const { statusCode, headers, body } = await pool.request({
          path: '/',
          method: 'GET',
          headers: { 'x-user-id': `user-${String(n % 997)}` },
        });
        const slot = await body.text();
        if (statusCode !== 200 || slot !== headers['x-release-slot']) this.failed.push(`${String(statusCode)} ${slot}`);
        else this.seen.push({ n, slot, gen: String(headers['x-route-gen']), lease: String(headers['x-route-lease']) });
      } catch (error) {
        this.failed.push(String(error));
      }
    }
  }
}

class LongStream {
  #text = '';
  readonly whole: Promise<string>;

  private constructor(
    readonly slot: string,
    body: Dispatcher.ResponseData['body'],
  ) {
    this.whole = this.#read(body).catch((error: unknown) => `${this.#text}, cut: ${String(error)}`);
  }

  static async open(edge: TestEdge, user: string): Promise<LongStream> {
    const { headers, body } = await request(`${edge.edge.addresses.public.url}/stream`, { headers: { 'x-user-id': user } });
    return new LongStream(String(headers['x-release-slot']), body);
  }

  async #read(body: Dispatcher.ResponseData['body']): Promise<string> {
    for await (const piece of body as AsyncIterable<Buffer>) this.#text += piece.toString();
    return this.#text;
  }
}

void test(
  '20,000 requests on kept connections over five weights, a rollback, a second ramp and a promotion: none fails, and six streams end whole where they began',
  { timeout: 280_000 },
  async () => {
    const edge = await startTestEdge();
    try {
      const router = new EdgeRouter({
        controlUrl: edge.edge.addresses.control.url,
        publicUrl: edge.edge.addresses.public.url,
        token: TOKEN,
        deadlineMs: 20_000,
      });
      const shift = async (number: number, sequence: number, candidateBp: number): Promise<void> => {
        const intent = { stable: blue, candidate: green, candidateBp, ramp: ramp(number), sequence, sticky: true };
        assert.equal((await router.apply(target, intent, 600_000)).kind, 'applied');
      };
      await shift(1, 1, 0);
      const streams = [await LongStream.open(edge, 'a'), await LongStream.open(edge, 'b')];
      const load = new Load(edge, 8);
      for (const [index, weight] of [100, 500, 2_500, 5_000, 10_000].entries()) {
        await load.progress((index + 1) * 2_000);
        await shift(1, index + 2, weight);
      }
      streams.push(await LongStream.open(edge, 'c'), await LongStream.open(edge, 'd'));
      await load.progress(12_000);
      const sentBeforeRevocation = load.seen.length;
      await router.revoke(target, ramp(1));
      await shift(2, 1, 0);
      await load.progress(14_000);
      await shift(2, 2, 10_000);
      streams.push(await LongStream.open(edge, 'e'), await LongStream.open(edge, 'f'));
      await load.progress(16_000);
      const receipt = await router.finalise(target, {
        stable: blue,
        candidate: green,
        candidateBp: 10_000,
        ramp: ramp(2),
        sequence: 3,
        sticky: true,
      });
      assert.equal(await router.confirm(target, receipt), 'converged');
      const afterFinalise = load.seen.length;
      await load.finished;

      assert.deepEqual(load.failed, []);
      assert.equal(load.seen.length, REQUESTS);
      const by = (gen: string): string[] =>
        load.seen.filter((seen) => seen.gen === gen && seen.lease === 'live').map(({ slot }) => slot);
      const share = (gen: string): number => by(gen).filter((slot) => slot === 'green').length / by(gen).length;
      assert.deepEqual(
        [share(`${ramp(1).id}.1`), share(`${ramp(1).id}.6`), share(`${ramp(2).id}.1`), share(`${ramp(2).id}.2`)],
        [0, 1, 0, 1],
      );
      // What was routed before the revocation may still be answered after it, once on each of the 8 connections.
      const late = load.seen
        .slice(sentBeforeRevocation + 8)
        .filter(({ gen, slot }) => gen.startsWith(ramp(1).id) && slot === 'green');
      assert.equal(late.length, 0);
      assert.ok(
        load.seen.slice(afterFinalise + 8).every(({ slot }) => slot === 'green'),
        'after the promotion nobody is on blue',
      );

      for (const stream of [...edge.blue.streams, ...edge.green.streams]) stream.end('data: end\n\n');
      assert.deepEqual(
        streams.map(({ slot }) => slot),
        ['blue', 'blue', 'green', 'green', 'green', 'green'],
      );
      for (const { slot, whole } of streams) assert.equal(await whole, `data: ${slot}\n\ndata: end\n\n`);
      await until(() => edge.lines.length === REQUESTS + streams.length, { withinMs: 5_000, what: 'a line for every request' });
      assert.ok(edge.lines.every(({ ts }) => ts === '----'));
    } finally {
      await edge.stop();
    }
  },
);

void test(
  'at 1, 5, 25 and 50 % the share of drawn requests lies within four sigma of the weight',
  { timeout: 120_000 },
  async () => {
    const edge = await startTestEdge();
    const pool = new Pool(edge.edge.addresses.public.url, { connections: 8 });
    try {
      const router = new EdgeRouter({
        controlUrl: edge.edge.addresses.control.url,
        publicUrl: edge.edge.addresses.public.url,
        token: TOKEN,
        deadlineMs: 20_000,
      });
      for (const [index, weight] of [100, 500, 2_500, 5_000].entries()) {
        await router.apply(
          target,
          { stable: blue, candidate: green, candidateBp: weight, ramp: ramp(1), sequence: index + 1, sticky: false },
          600_000,
        );
        const count = 1_500;
        let onCandidate = 0;
        await Promise.all(
          Array.from({ length: count }, async () => {
            const { headers, body } = await pool.request({ path: '/', method: 'GET' });
            await body.dump();
            if (headers['x-release-role'] === 'candidate') onCandidate++;
          }),
        );
        const share = weight / 10_000;
        const sigma = Math.sqrt(count * share * (1 - share));
        assert.ok(
          Math.abs(onCandidate - count * share) <= 4 * sigma,
          `${String(onCandidate)} of ${String(count)} at ${String(weight)} basis points`,
        );
      }
    } finally {
      await pool.close();
      await edge.stop();
    }
  },
);
