import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { defineSearchAttributeKey } from '@temporalio/common';
import { drainId, SEARCH_ATTRIBUTES, STATUS_QUERY } from '../../src/contract/names.js';
import type { RolloutStatus } from '../../src/contract/rollout.js';
import type { Answer } from '../../src/domain/messages.js';
import { until } from '../harness/until.js';
import { Bench, inPhase, rehearsal, statusOf, type Rollout } from './bench.js';
import { failed, passed, type Script } from './scripted.js';

let bench: Bench;
before(async () => {
  bench = await Bench.start();
});
after(async () => {
  await bench.stop();
});

async function during(
  name: string,
  script: Script,
  use: (rollout: Rollout) => Promise<void>,
  ...over: [Parameters<Bench['rollout']>[2]?, Parameters<Bench['rollout']>[3]?]
): Promise<void> {
  const rollout = await bench.rollout(name, script, ...over);
  try {
    await use(rollout);
  } finally {
    await rollout.stop();
  }
}

const soaksForEver: Script = { supervise: () => 'until-cancelled' };

test('five healthy steps are promoted in at most 220 events, bridging buckets included', async () => {
  await during('healthy', {}, async ({ handle, scripted }) => {
    const outcome = await handle.result();
    assert.equal(outcome.outcome, 'promoted');
    const { historyLength } = await handle.describe();
    console.log(`# history: ${historyLength} events for five steps`);
    assert.ok(historyLength <= 220, `${historyLength} events`);
    assert.equal(scripted.started.filter((name) => name === 'shiftWeight').length, 5);
  });
});

test('the memo headline and the search attributes say the outcome', async () => {
  await during('memo', {}, async ({ handle }) => {
    await handle.result();
    const { memo, typedSearchAttributes } = await handle.describe();
    assert.match(String(memo?.['headline']), /^PROMOTED/);
    assert.ok(JSON.stringify(typedSearchAttributes.getAll()).includes('promoted'));
  });
});

test('a rolled-back rollout can be found by its outcome', async () => {
  await during('searchable', soaksForEver, async (rollout) => {
    await inPhase(rollout, 'soaking');
    await rollout.handle.signal('abort');
    await rollout.handle.result();
    const { typedSearchAttributes } = await rollout.handle.describe();
    assert.equal(typedSearchAttributes.get(defineSearchAttributeKey(SEARCH_ATTRIBUTES.outcome, 'KEYWORD')), 'rolled-back');
  });
});

test('a failing gate rolls back, the same step again freezes, and a retry by a human is promoted', async () => {
  let failures = 0;
  const script: Script = {
    supervise: (supervise) => {
      if (supervise.step !== 2 || failures >= 2) return supervise.returnOnPass ? passed : 'until-cancelled';
      failures += 1;
      return failed;
    },
  };
  await during('frozen', script, async (rollout) => {
    await inPhase(rollout, 'frozen');
    assert.match((await statusOf(rollout)).headline, /^FROZEN at 25 %/);
    const answer = await rollout.handle.executeUpdate<Answer, [object]>('retry', { args: [{ by: 'ann', reason: 'NAT fixed' }] });
    assert.equal(answer.kind, 'accepted');
    assert.equal((await rollout.handle.result()).outcome, 'promoted');
    assert.ok(rollout.scripted.started.filter((name) => name === 'revokeRamp').length >= 2);
  });
});

test('an abort by signal, by update and by a cancel request each end as rolled-back', async () => {
  const ways: readonly [string, (rollout: Rollout) => Promise<unknown>][] = [
    ['signal', ({ handle }) => handle.signal('abort', { by: 'ann', reason: 'stop' })],
    ['update', ({ handle }) => handle.executeUpdate('abort', { args: [{ by: 'ann' }] })],
    ['cancel', ({ handle }) => handle.cancel()],
    ['bare signal', ({ handle }) => handle.signal('abort')],
  ];
  for (const [name, abort] of ways) {
    await during(`abort-${name.replace(' ', '-')}`, soaksForEver, async (rollout) => {
      await inPhase(rollout, 'soaking');
      await abort(rollout);
      assert.equal((await rollout.handle.result()).outcome, 'rolled-back', name);
      const writes = rollout.scripted.started.filter((activity) => activity === 'revokeRamp' || activity === 'rollBack');
      assert.deepEqual(writes.slice(0, 2), ['revokeRamp', 'rollBack'], 'the ramp is revoked first');
    });
  }
});

test('a message at the wrong moment is refused with a reason, and the same request is answered alike', async () => {
  await during('wrong-moment', soaksForEver, async (rollout) => {
    await inPhase(rollout, 'soaking');
    const send = (kind: string, requestId: string) =>
      rollout.handle.executeUpdate<Answer, [object]>(kind, { args: [{ by: 'ann', requestId }] });
    const refused = await send('retry', 'r1');
    assert.equal(refused.kind, 'refused');
    assert.match(JSON.stringify(refused), /soaking/);
    assert.equal((await send('pause', 'r2')).kind, 'accepted');
    const again = await send('pause', 'r2');
    assert.ok(again.kind === 'accepted');
    assert.match(again.text, /^paused; the gates go on judging and still roll back; without a resume it ends at \d{4}-/);
    assert.equal((await send('pause', 'r3')).kind, 'refused');
  });
});

test('undecodable payloads become lines of the timeline, the workflow lives, and an undecodable abort is an abort', async () => {
  await during('undecodable', soaksForEver, async (rollout) => {
    await inPhase(rollout, 'soaking');
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const payloads = [
      { metadata: { encoding: bytes('json/plain') }, data: bytes('{broken') },
      { metadata: { encoding: bytes('binary/foreign') }, data: bytes('x') },
      { metadata: {}, data: bytes('x') },
      { metadata: { encoding: bytes('json/plain') }, data: bytes('"scalar"') },
      { metadata: { encoding: bytes('json/plain') }, data: bytes('[1]') },
    ];
    const raw = (signalName: string, payload: object): Promise<unknown> =>
      bench.client.workflowService.signalWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: rollout.handle.workflowId },
        signalName,
        input: { payloads: [payload] },
      });
    for (const payload of payloads) await raw('pause', payload);
    await rollout.handle.signal('no-such-message', {});
    const seen = await until(
      async () => {
        const lines = (await statusOf(rollout)).timeline.filter((entry) => entry.what.startsWith('undecodable'));
        return lines.length === payloads.length + 1 && lines;
      },
      { withinMs: 10_000, what: 'six lines on the timeline' },
    );
    assert.equal(seen.length, 6);
    await raw('abort', { metadata: { encoding: bytes('json/plain') }, data: bytes('{broken') });
    await until(async () => (await rollout.handle.describe()).status.name !== 'RUNNING', { withinMs: 30_000, what: 'the end' });
    assert.equal((await rollout.handle.result()).outcome, 'rolled-back');
  });
});

test('continue-as-new in the middle carries the rollout on to its end', async () => {
  await during(
    'continued',
    {},
    async ({ handle }) => {
      const outcome = await handle.result();
      assert.equal(outcome.outcome, 'promoted');
      assert.ok((await bench.server.showChain(handle.workflowId)).length > 2, 'several runs');
    },
    {},
    { continueAfterEvents: 60 },
  );
});

test('a superseded rollout closes while its streams are still open; a workflow of its own waits for them', async () => {
  let streams = 2;
  const script: Script = { ...soaksForEver, activities: { releaseCapacity: () => Promise.resolve({ stillOpen: streams }) } };
  await during('superseded', script, async ({ handle, scripted }) => {
    await until(() => scripted.supervised.size === 1, { withinMs: 20_000, what: 'users on the candidate' });
    const { ramp } = await handle.query<RolloutStatus>(STATUS_QUERY);
    assert.ok(ramp);
    await handle.signal('abort', { by: 'ci', supersededBy: 'next' });
    assert.equal((await handle.result()).outcome, 'rolled-back');
    const drain = bench.client.workflow.getHandle(drainId({ service: 'superseded', environment: 'test' }, ramp));
    await until(() => scripted.started.includes('releaseCapacity'), { withinMs: 20_000, what: 'a first look at the streams' });
    assert.equal((await drain.describe()).status.name, 'RUNNING', 'nobody releases under an open stream (I9)');
    streams = 0;
    await drain.terminate();
  });
});

test('a rollout that preflight refuses ends as refused, having started nothing else', async () => {
  const script: Script = {
    activities: { preflight: () => Promise.resolve({ kind: 'refused', reasons: ['the route belongs to somebody else'] }) },
  };
  await during('refused', script, async ({ handle, scripted }) => {
    const outcome = await handle.result();
    assert.equal(outcome.outcome, 'refused');
    assert.match(outcome.cause, /somebody else/);
    assert.deepEqual(scripted.started, ['preflight']);
  });
});

test('with more rollouts than long slots, an abort still reaches the route; only its drain waits for a slot', async () => {
  const crew = await bench.crew(soaksForEver, 2);
  const handles = await Promise.all(['one', 'two', 'three', 'four'].map((name) => bench.begin(rehearsal(`slots-${name}`))));
  try {
    const { supervised } = crew.scripted;
    const isSoaking = async (handle: Rollout['handle']): Promise<boolean> =>
      (await handle.query<RolloutStatus>(STATUS_QUERY)).phase === 'soaking';
    await until(() => supervised.size === 2, { withinMs: 30_000, what: 'both slots taken' });
    const starved = handles.find(({ workflowId }) => !supervised.has(workflowId));
    assert.ok(starved);
    await until(() => isSoaking(starved), { withinMs: 30_000, what: 'a rollout that soaks without a slot' });
    await starved.signal('abort', { by: 'ann' });
    await until(async () => (await starved.query<RolloutStatus>(STATUS_QUERY)).phase === 'draining', {
      withinMs: 30_000,
      what: 'the route at 0 %',
    });
    assert.ok(crew.scripted.started.includes('rollBack'));
    assert.equal(supervised.size, 2, 'no slot had become free');
  } finally {
    await Promise.all(handles.map((handle) => handle.terminate().catch(() => undefined)));
    await crew.stop();
  }
});
