/** The look-back of stable while the candidate warms up (judge.md §0): it teaches the judge, and it never holds anybody up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { warmUp } from '../../src/activities/warm-up.js';
import type { Reading } from '../../src/domain/reading.js';
import { transient } from '../../src/providers/errors.js';
import {
  Attempt,
  CANDIDATE,
  errors,
  FakeSource,
  hang,
  POLICY,
  RAMP,
  RememberingSource,
  ScriptedJudge,
  STABLE,
  Stage,
  WHERE,
} from './fakes.js';

const OK = { cache: 'ok', model: 'ok', secrets: 'ok', vectors: 'ok' };
const HOLD_MS = 5_000;

/** A judge whose evidence is what it was told. */
class Learner extends ScriptedJudge {
  told: readonly (readonly Reading[])[] = [];
  constructor() {
    super(() => []);
  }
  override learn(_policy?: unknown, told: readonly (readonly Reading[])[] = []): number {
    this.told = told;
    return told.flat().length;
  }
}

async function warm(sources: Readonly<Record<string, FakeSource>>) {
  const stage = new Stage();
  stage.onFetch = () => stage.answer(200, OK);
  const judge = (stage.judge = new Learner());
  Object.assign(stage.sources, sources);
  const result = await stage.clock.run(
    new Attempt().run(warmUp(stage.tools), {
      where: { ...WHERE, connections: { ...WHERE.connections, metrics: Object.keys(sources) } },
      ramp: RAMP,
      candidate: CANDIDATE,
      leaseMs: 30_000,
      warmUp: { path: '/warm', holdMs: HOLD_MS, timeoutMs: 60_000 },
      lookBack: { stable: STABLE, policy: POLICY, spanMs: 3_600_000 },
    }),
  );
  assert.equal(result.kind, 'done');
  assert.equal(stage.clock.pending, 0, 'no timer is left');
  return { learnt: result.learnt, told: judge.told, tookMs: stage.clock.monotonicMs() };
}

const HOUR = [errors(900_000, [900, 1], [0, 0]), errors(1_800_000, [1_800, 3], [0, 0])];

test('a source that remembers is asked once, and what it tells is learnt', async () => {
  const prom = new RememberingSource({ readings: HOUR });
  const { learnt, told } = await warm({ prom });
  assert.deepEqual(learnt, { kind: 'learnt', evidence: 2 });
  assert.deepEqual(told, [HOUR]);
  assert.equal(prom.lookedBack, 1);
});

test('one that only gathers is asked each second until the candidate is warm', async () => {
  const page = new RememberingSource((call) => ({
    readings: call === 1 ? [] : [errors(1_000 * (call - 1), [call, 0], [0, 0])],
    cursor: call,
  }));
  const { learnt, tookMs } = await warm({ page });
  assert.equal(tookMs, HOLD_MS);
  assert.deepEqual(learnt, { kind: 'learnt', evidence: page.lookedBack - 1 });
  assert.ok(page.lookedBack >= 5, `${String(page.lookedBack)} times`);
});

test('one that hangs costs a warm candidate five seconds at most, and what the others told is learnt', async () => {
  const { learnt, tookMs } = await warm({ slow: new RememberingSource(hang), prom: new RememberingSource({ readings: HOUR }) });
  assert.deepEqual(learnt, { kind: 'learnt', evidence: 2 });
  assert.ok(tookMs <= HOLD_MS + 5_000, `${String(tookMs)} ms`);
});

test('where nothing is told, the reason of each source is', async () => {
  const broken = new RememberingSource(transient('connection refused'));
  const { learnt } = await warm({ broken, old: new FakeSource() });
  assert.equal(learnt?.kind, 'nothing');
  assert.match(learnt.why, /metrics "broken" does not tell stable's past: .*connection refused; metrics "old" cannot look back/);
});
