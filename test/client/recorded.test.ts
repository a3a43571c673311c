/** What a history tells of the gates, read from what Temporal really recorded. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fetchHistories, historiesIn, recordedRollout, type History } from '../../src/client/recorded.js';
import type { Temporal } from '../../src/client/temporal.js';

const read = (name: string): readonly History[] =>
  historiesIn(JSON.parse(readFileSync(new URL(`../replay/histories/${name}.json`, import.meta.url), 'utf8'))) ?? [];

test('every bucket that judged is a moment of its ramp and step, and the end is the outcome', () => {
  const found = recordedRollout(read('gate-fails-once-at-25-then-promoted'));
  assert.equal(found?.outcome?.outcome, 'promoted');
  assert.equal(new Set(found.moments.map(({ ramp }) => ramp)).size, 2);
  assert.deepEqual(
    found.moments.filter(({ judgement }) => judgement.verdict === 'fail').map(({ step, policy }) => [step, policy.weightBp]),
    [[2, 2_500]],
  );
});

/** A server that knows these runs; each names the one before it. */
function serverWith(runs: readonly History[]): Temporal {
  const idOf = (run: History): string => run.events?.[0]?.workflowExecutionStartedEventAttributes?.originalExecutionRunId ?? '';
  const fetchHistory = (runId: string | undefined): Promise<History> => {
    const run = runId === undefined ? runs.at(-1) : runs.find((one) => idOf(one) === runId);
    return run === undefined ? Promise.reject(new Error(`no run ${String(runId)}`)) : Promise.resolve(run);
  };
  return {
    connection: { withDeadline: (_until: number, fn: () => Promise<unknown>) => fn() },
    client: { workflow: { getHandle: (_id: string, runId?: string) => ({ fetchHistory: () => fetchHistory(runId) }) } },
  } as unknown as Temporal;
}

test('a rollout that was continued as new is all of its runs, oldest first', async () => {
  const runs = read('promoted-in-several-runs');
  const found = await fetchHistories(serverWith(runs), 'rollout/test/promoted-in-several-runs');
  assert.equal(found.length, runs.length);
  const recorded = recordedRollout(found);
  assert.equal(recorded?.outcome?.outcome, 'promoted');
  assert.deepEqual([...new Set(recorded.moments.map(({ step }) => step))], [0, 1, 2, 3, 4]);
});

test('what is no history, or another workflow’s, is nothing', () => {
  for (const other of ['text', 1, null, { events: 1 }, { events: [{ eventId: 'x' }] }, [{ nothing: true }]])
    assert.ok(recordedRollout(historiesIn(other) ?? []) === undefined, JSON.stringify(other));
});
