import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probe } from '../../src/activities/probe.js';
import { verify } from '../../src/activities/verify.js';
import { Attempt, CANDIDATE, hang, PLAN, STABLE, Stage, WHERE } from './fakes.js';

const INPUT = { where: WHERE, stable: STABLE, candidate: CANDIDATE, probes: PLAN.probes };
const run = (stage: Stage, attempt = new Attempt({ startToCloseTimeoutMs: 60_000 })) =>
  stage.clock.run(attempt.run(probe(stage.tools), INPUT));

/** The candidate's answers in turn; the identity endpoint is silent. */
function answering(answer: (stage: Stage, asked: number) => Response | Promise<Response>): Stage {
  const stage = new Stage();
  let asked = 0;
  stage.onFetch = (url) => (url.pathname === PLAN.probes.path ? answer(stage, ++asked) : stage.answer(404));
  return stage;
}

test('twenty judged requests reach the candidate with its pin', async () => {
  const pins = new Set<string | null>();
  const stage = answering((the) => the.answer(200));
  const answer = stage.onFetch;
  stage.onFetch = (url, headers) => {
    pins.add(headers.get('x-release'));
    return answer(url, headers);
  };
  assert.deepEqual(await run(stage), {
    kind: 'probed',
    outcome: { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 },
  });
  assert.deepEqual([...pins].sort(), ['blue', 'green']);
});

test('a 5xx of the candidate is judged and counted', async () => {
  const stage = answering((the, asked) => the.answer(asked % 5 === 0 ? 500 : 200));
  assert.deepEqual(await run(stage), {
    kind: 'probed',
    outcome: { judged: 20, serverErrors: 4, wrongRevision: 0, unanswered: 0 },
  });
});

test('an answer by somebody else is no data, a 5xx as well, and is asked again', async () => {
  const stage = answering((the, asked) =>
    asked <= 3 ? the.answer(500, {}, 'blue') : asked === 4 ? new Response('', { status: 503 }) : the.answer(200),
  );
  assert.deepEqual(await run(stage), {
    kind: 'probed',
    outcome: { judged: 20, serverErrors: 0, wrongRevision: 4, unanswered: 0 },
  });
});

test('a pin that always falls through ends after twice the number with nothing judged', async () => {
  const stage = answering((the) => the.answer(200, {}, 'blue'));
  assert.deepEqual(await run(stage), {
    kind: 'probed',
    outcome: { judged: 0, serverErrors: 0, wrongRevision: 40, unanswered: 0 },
  });
});

test('a proxy that restarts refuses connections for a while, and the probes outlast it', async () => {
  const refused = (): never => {
    throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:80') });
  };
  const after = (downMs: number): Stage => {
    const stage = answering((the) => (stage.clock.monotonicMs() < downMs ? refused() : the.answer(200)));
    return stage;
  };
  const outlasted = await run(after(8_000));
  assert.deepEqual(outlasted.kind === 'probed' && outlasted.outcome.judged, 20);
  const gone = await run(after(Infinity));
  assert.deepEqual(gone, { kind: 'probed', outcome: { judged: 0, serverErrors: 0, wrongRevision: 0, unanswered: 40 } });
});

test('a candidate that hangs is unanswered, and the activity ends in its own time', async () => {
  const stage = answering(hang);
  const result = await run(stage);
  assert.equal(result.kind, 'probed');
  assert.equal(result.outcome.judged, 0);
  assert.ok(result.outcome.unanswered > 0);
  assert.ok(stage.clock.monotonicMs() <= 60_000);
  assert.equal(stage.clock.pending, 0);
});

test('pins by which the candidate is behind hold the rollout before anything is judged (R27)', async () => {
  const stage = new Stage();
  stage.onFetch = (url) => {
    const by = url.hostname.replace('.test', '');
    return stage.answer(
      200,
      { releaseId: by, schemaPins: { schemaRev: by === 'green' ? 6 : 7, indexHash: 'a', modelTag: 'm' } },
      by,
    );
  };
  const result = await run(stage);
  assert.equal(result.kind, 'schema-mismatch');
  assert.match(result.difference.text, /SCHEMA_REV of the candidate is 6, behind stable's 7/);
  assert.deepEqual(result.difference.candidate, { schemaRev: 6, indexHash: 'a', modelTag: 'm' });
});

test('a candidate ahead of stable is compatible; another index or model is not (A16)', async () => {
  const told = (candidate: object) => {
    const stage = new Stage();
    stage.onFetch = (url) => {
      const by = url.hostname.replace('.test', '');
      return stage.answer(200, { schemaPins: by === 'green' ? candidate : { schemaRev: 7, indexHash: 'a', modelTag: 'm' } }, by);
    };
    return stage;
  };
  assert.equal((await run(told({ schemaRev: 8, indexHash: 'a', modelTag: 'm' }))).kind, 'probed');
  assert.equal((await run(told({ schemaRev: 8, indexHash: 'b', modelTag: 'm' }))).kind, 'schema-mismatch');
  assert.equal((await run(told({ schemaRev: 8, modelTag: 'n' }))).kind, 'schema-mismatch');
});

test('an identity told by the wrong revision is not believed', async () => {
  const stage = new Stage();
  stage.onFetch = (url) =>
    url.pathname === PLAN.probes.path
      ? stage.answer(200)
      : stage.answer(200, { schemaPins: { schemaRev: url.hostname === 'green.test' ? 1 : 7 } }, 'blue');
  assert.equal((await run(stage)).kind, 'probed');
});

test('verification asks the same again and says what failed', async () => {
  const ask = (stage: Stage) => stage.clock.run(new Attempt({ startToCloseTimeoutMs: 60_000 }).run(verify(stage.tools), INPUT));
  assert.deepEqual(await ask(answering((the) => the.answer(200))), { kind: 'verified', failures: [] });
  const failing = await ask(answering((the, asked) => (asked <= 5 ? the.answer(502) : the.answer(200))));
  assert.match(failing.failures.join(), /5 of 20 pinned probes were answered 5xx/);
  const lost = await ask(answering((the) => the.answer(200, {}, 'blue')));
  assert.match(lost.failures.join(), /only 0 of 20 .*\(40 by somebody else/);
});

test('a cancelled probe ends as cancelled', async () => {
  const stage = answering(hang);
  const attempt = new Attempt({ startToCloseTimeoutMs: 60_000 });
  stage.clock.at(2_000, () => {
    attempt.environment.cancel();
  });
  await assert.rejects(run(stage, attempt), { name: 'CancelledFailure' });
});
