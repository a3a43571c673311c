/** The client against a real Temporal server, with the stub of `fixtures/rollout.ts` in the place of the rollout. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { SluiceClient, type SentBody, type Sighting } from '../../src/client/index.js';
import { SEARCH_ATTRIBUTES } from '../../src/contract/names.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { planWith } from '../domain/plans.js';
import { TemporalServer } from '../harness/temporal.js';
import { until } from '../harness/until.js';
import { quietRuntime, startStubWorker, STUB_JUDGEMENT, type StubWorker } from './stub-worker.js';

const starter = { name: 'ci', verified: false };
const searchAttributes = Object.fromEntries(
  Object.entries(SEARCH_ATTRIBUTES).map(([key, name]) => [name, key === 'weight' ? 'Int' : 'Keyword'] as const),
);

const body = (reason = ''): SentBody => ({ by: 'ann', reason, requestId: randomUUID() });
/** Asserts the kind and narrows to it. */
function as<T extends { readonly kind: string }, K extends T['kind']>(value: T, kind: K): Extract<T, { kind: K }> {
  assert.equal(value.kind, kind, JSON.stringify(value));
  return value as Extract<T, { kind: K }>;
}

const planFor = (service: string, overrides: Partial<RolloutPlan> = {}): RolloutPlan =>
  planWith({ target: { service, environment: 'test' }, digest: `digest of ${service}`, ...overrides });

describe('the client', { concurrency: false }, () => {
  let server: TemporalServer;
  let client: SluiceClient;
  let worker: StubWorker;

  before(async () => {
    quietRuntime();
    server = await TemporalServer.start({ searchAttributes });
    client = await SluiceClient.connect({ address: server.address });
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await server.stop();
  });

  /** Started past the check for workers, as by a pipeline whose worker died right after. */
  async function startUnattended(plan: RolloutPlan): Promise<void> {
    await client.temporal.client.workflow.start('rollout', {
      workflowId: `rollout/${plan.target.environment}/${plan.target.service}`,
      taskQueue: 'sluice',
      args: [{ plan, starter }],
      memo: { headline: 'STARTING', digest: plan.digest },
    });
  }

  describe('without a worker', () => {
    it('refuses to start, says so, and starts nothing', async () => {
      const plan = planFor('nobody');
      const outcome = await client.start(plan, { starter });
      assert.match(as(outcome, 'no-worker').reason, /no worker polls .* "sluice worker"$/);
      assert.deepEqual(await client.status(plan.target), { kind: 'none' });
    });

    it('shows what the memo says of a rollout that nobody runs', async () => {
      const plan = planFor('silent');
      await startUnattended(plan);
      const status = await client.status(plan.target, { withinMs: 300 });
      assert.equal(as(status, 'silent').execution.headline, 'STARTING');
    });

    it('leaves a message as a Signal, which the next worker applies once', async () => {
      const plan = planFor('signalled');
      await startUnattended(plan);
      const sent = await client.send('pause', plan.target, body());
      assert.match(as(sent, 'recorded').text, /^recorded; no worker is polling/);
    });

    it('records an abort at once and says what brings the users back', async () => {
      const plan = planFor('aborted-unattended');
      await startUnattended(plan);
      const sent = await client.send('abort', plan.target, body());
      assert.equal(
        as(sent, 'recorded').text,
        'recorded; no worker is polling; users return to stable by lease in at most 30 s, where the router holds leases',
      );
    });
  });

  describe('with a worker', () => {
    before(async () => {
      worker = await startStubWorker(server.address);
    });

    it('finds the messages that were left for it', async () => {
      const status = await until(
        async () => {
          const seen = await client.status({ service: 'signalled', environment: 'test' });
          return seen.kind === 'open' && seen;
        },
        { withinMs: 10_000, what: 'the stub to answer' },
      );
      assert.equal(status.status.timeline[0]?.what, 'messages: 1');
      const ending = await client.result({ service: 'aborted-unattended', environment: 'test' });
      assert.equal(as(ending, 'closed').outcome.outcome, 'rolled-back');
    });

    it('starts with the memo and the search attributes that people filter by', async () => {
      const plan = planFor('fresh');
      assert.equal((await client.start(plan, { starter })).kind, 'started');
      const status = as(await client.status(plan.target), 'open');
      const { headline, digest, profile, service, environment, release, phase, weightBp } = status.execution;
      assert.deepEqual(
        { headline, digest, profile, service, environment, release, phase, weightBp },
        {
          headline: 'STARTING · fresh 9f3c1e · users 100 % on stable',
          digest: 'digest of fresh',
          profile: 'standard',
          service: 'fresh',
          environment: 'test',
          release: '9f3c1e',
          phase: 'preflight',
          weightBp: 0,
        },
      );
      const listed = await until(
        async () => {
          const found = await client.list({ service: 'fresh' });
          return found.length === 1 && found;
        },
        { withinMs: 10_000, what: 'the index to know the rollout' },
      );
      assert.equal(listed[0]?.workflowId, 'rollout/test/fresh');
      assert.deepEqual(await client.list({ service: "o'brien\\" }), []);
    });

    it('attaches to an open rollout of the same plan, refuses another plan', async () => {
      const plan = planFor('open');
      await client.start(plan, { starter });
      assert.equal((await client.start(plan, { starter })).kind, 'attached');
      const other = await client.start({ ...plan, digest: 'another' }, { starter });
      assert.match(as(other, 'refused').reason, /^rollout\/test\/open is open with another plan \(STARTING .*--supersede$/);
    });

    it('supersedes: the open one is aborted and closed before the new one starts', async () => {
      const plan = planFor('superseded');
      await client.start(plan, { starter });
      const outcome = await client.start(
        { ...plan, digest: 'newer', candidate: { id: 'green', release: 'newer' } },
        { starter, supersede: true },
      );
      assert.equal(outcome.kind, 'started');
      const runs = await until(
        async () => {
          const found = await client.list({ service: 'superseded', all: true });
          return found.length === 2 && found;
        },
        { withinMs: 10_000, what: 'both runs in the index' },
      );
      assert.deepEqual(runs.map(({ open, outcome: how }) => [open, how]).sort(), [
        [false, 'rolled-back'],
        [true, undefined],
      ]);
    });

    it('of two that supersede at the same time one is refused, and neither is lost', async () => {
      const plan = planFor('raced');
      await client.start(plan, { starter });
      const kinds = (
        await Promise.all(['a', 'b'].map((digest) => client.start({ ...plan, digest }, { starter, supersede: true })))
      ).map(({ kind }) => kind);
      assert.deepEqual(kinds.sort(), ['refused', 'started']);
    });

    it('says "already promoted" of the same plan, and starts it again only when told', async () => {
      const plan = planFor('promoted');
      await client.start(plan, { starter });
      assert.equal((await client.send('promote', plan.target, body())).kind, 'accepted');
      const ending = await client.result(plan.target);
      assert.equal(as(ending, 'closed').outcome.outcome, 'promoted');
      assert.equal((await client.start(plan, { starter })).kind, 'already-promoted');
      assert.equal((await client.start(plan, { starter, again: true })).kind, 'started');
    });

    it('refuses to start over the limit of open rollouts', async () => {
      const outcome = await client.start(planFor('one-too-many'), { starter, limit: 1 });
      assert.match(as(outcome, 'refused').reason, /rollouts are open, and limits\.rollouts is 1/);
    });

    it('passes on what the rollout answers, accepted or refused', async () => {
      const plan = planFor('answers');
      await client.start(plan, { starter });
      assert.deepEqual(await client.send('pause', plan.target, body('lunch')), { kind: 'accepted', text: 'pause by ann: lunch' });
      assert.deepEqual(await client.send('resume', plan.target, body()), { kind: 'refused', reason: 'not paused' });
      const once = body();
      await client.send('approve', plan.target, once);
      assert.equal((await client.send('approve', plan.target, once)).kind, 'accepted');
      const status = await client.status(plan.target);
      assert.equal(as(status, 'open').status.timeline[0]?.what, 'messages: 2');
    });

    it('confirms an abort when the rollout has left the candidate', async () => {
      const plan = planFor('aborted');
      await client.start(plan, { starter });
      const sent = await client.send('abort', plan.target, body('too slow'));
      assert.equal(sent.kind, 'accepted');
      const ending = await client.result(plan.target);
      assert.equal(as(ending, 'closed').outcome.cause, 'abort by ann: too slow');
    });

    it('says that an abort came too late when the promotion is durable', async () => {
      const plan = planFor('too-late', { profile: 'slow-drain' });
      await client.start(plan, { starter });
      await client.send('promote', plan.target, body());
      const sent = await client.send('abort', plan.target, body());
      assert.match(as(sent, 'refused').reason, /durable already.*sluice rollback/);
    });

    it('tells a message to nobody from a message to a rollout that has ended', async () => {
      assert.deepEqual(await client.send('pause', { service: 'unknown', environment: 'test' }, body()), { kind: 'none' });
      assert.deepEqual(await client.send('abort', { service: 'unknown', environment: 'test' }, body()), { kind: 'none' });
      const ended = await client.send('pause', { service: 'aborted', environment: 'test' }, body());
      assert.match(as(ended, 'closed').reason, /^the rollout has ended: rolled-back/);
    });

    it('tells a terminated rollout from one with an outcome', async () => {
      const plan = planFor('terminated');
      await client.start(plan, { starter });
      await client.temporal.client.workflow.getHandle('rollout/test/terminated').terminate('wrong button');
      const status = await client.status(plan.target);
      assert.match(as(status, 'broken').text, /wrong button.*janitor/);
    });

    it('watches until the rollout has closed', async () => {
      const plan = planFor('watched');
      await client.start(plan, { starter });
      const seen: Sighting['kind'][] = [];
      for await (const sighting of client.watch(plan.target, { everyMs: 10 })) {
        if (seen.length === 0) await client.send('promote', plan.target, body());
        if (seen.at(-1) !== sighting.kind) seen.push(sighting.kind);
      }
      assert.deepEqual(seen, ['open', 'closed']);
    });

    it('ends a watch at once when told, and leaves the rollout alone', async () => {
      const plan = planFor('left-alone');
      await client.start(plan, { starter });
      const over = new AbortController();
      for await (const sighting of client.watch(plan.target, { everyMs: 60_000, signal: over.signal })) {
        assert.equal(sighting.kind, 'open');
        over.abort();
      }
      assert.equal((await client.status(plan.target)).kind, 'open');
    });

    it('shows the last tick of a running supervision, which the workflow has not heard of yet', async () => {
      const plan = planFor('live', { profile: 'supervised' });
      await client.start(plan, { starter });
      const live = await until(
        async () => {
          const status = await client.status(plan.target);
          return status.kind === 'open' && status.live.judgement !== undefined && status.live;
        },
        { withinMs: 10_000, what: 'a heartbeat' },
      );
      assert.deepEqual(live.judgement, STUB_JUDGEMENT);
      assert.equal(typeof live.heartbeatAt, 'number');
    });

    it('rolls a promotion back: the previous revision in one step, its gates only observing', async () => {
      const plan = planFor('regretted');
      const options = { starter, digestOf: () => 'digest of the rollback' };
      assert.equal((await client.rollback(plan.target, options)).kind, 'none');
      await client.start(plan, { starter });
      await client.send('promote', plan.target, body());
      await client.result(plan.target);
      const begun = as(await client.rollback(plan.target, options), 'begun');
      assert.equal(begun.start.kind, 'started');
      const status = as(await client.status(plan.target), 'open');
      assert.deepEqual(
        [status.status.release, status.status.revision, status.status.steps, status.status.profile],
        ['old', 'blue', 1, 'rollback'],
      );
      const input = await client.input(status.execution);
      assert.deepEqual(
        input?.plan.judge.gates.map(({ mode }) => mode),
        ['observe'],
      );
      await client.send('promote', plan.target, body());
      await client.result(plan.target);
      const again = await client.rollback(plan.target, options);
      assert.match(as(again, 'none').reason, /brought back by a rollback already/);
    });

    it('sees who polls, and measures the clock of the server', async () => {
      const workers = await client.workers();
      assert.deepEqual([workers.workflows.length, workers.long.length], [1, 1]);
      const { offsetMs = Infinity, uncertaintyMs = 0 } = (await client.clock()) ?? {};
      assert.equal(Math.abs(offsetMs) <= uncertaintyMs + 50, true, `${offsetMs} ms, give or take ${uncertaintyMs}`);
    });

    it('does not count a worker that has been shut down, though Temporal still lists its polls', async () => {
      await worker.stop();
      assert.deepEqual(await client.workers(), { workflows: [], long: [] });
      worker = await startStubWorker(server.address);
    });
  });
});
