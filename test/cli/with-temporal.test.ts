/** The command line as a process against a real Temporal server, with the client's stub in the place of the rollout. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SEARCH_ATTRIBUTES } from '../../src/contract/names.js';
import { quietRuntime, startStubWorker, type StubWorker } from '../client/stub-worker.js';
import { TemporalServer } from '../harness/temporal.js';
import { until } from '../harness/until.js';
import { rollout, Workplace } from './sluice.js';

const searchAttributes = Object.fromEntries(
  Object.entries(SEARCH_ATTRIBUTES).map(([key, name]) => [name, key === 'weight' ? 'Int' : 'Keyword'] as const),
);

describe('the command line', { concurrency: false }, () => {
  let server: TemporalServer;
  let worker: StubWorker;
  let workplace: Workplace;

  before(async () => {
    quietRuntime();
    server = await TemporalServer.start({ searchAttributes });
    workplace = new Workplace({ TEMPORAL_ADDRESS: server.address });
  });
  after(async () => {
    workplace.remove();
    await worker.stop();
    await server.stop();
  });

  const start = (service: string, ...words: readonly string[]) => {
    workplace.write(`${service}.yaml`, rollout(service));
    return workplace.run('start', `${service}.yaml`, ...words);
  };
  const on = (command: string, service: string, ...words: readonly string[]) =>
    workplace.run(command, service, '--env', 'test', ...words);

  it('without a worker starts nothing, says so in one line, exit 1', async () => {
    const { code, stdout, stderr } = await start('unattended');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^sluice: no worker polls Sluice's task queues .* start one with "sluice worker"\n$/);
    assert.equal((await on('status', 'unattended')).code, 1);
  });

  it('with a worker starts, and says how to follow', async () => {
    worker = await startStubWorker(server.address);
    const { code, stdout } = await start('answer-api');
    assert.equal(code, 0);
    assert.equal(
      stdout,
      'started rollout/test/answer-api: 9f3c1e → green, 5 steps\nfollow it: sluice watch answer-api --env test\n',
    );
  });

  it('attaches to the same plan, refuses another one with 4', async () => {
    const again = await start('answer-api');
    assert.deepEqual(
      [again.code, again.stdout],
      [0, 'answer-api test: this very plan runs already; attached to rollout/test/answer-api\n'],
    );
    const other = await start('answer-api', '--set', 'candidate.release=other');
    assert.equal(other.code, 4);
    assert.match(other.stderr, /^sluice: refused: rollout\/test\/answer-api is open with another plan/);
  });

  it('shows status, list and timeline, for people and for programs', async () => {
    const status = await on('status', 'answer-api');
    assert.equal(status.code, 0);
    assert.match(status.stdout, /^answer-api test {2}9f3c1e → green {3}step 1\/5 {2}1 % {2}█░/);
    const json = JSON.parse((await on('status', 'answer-api', '-o', 'json')).stdout) as Record<string, unknown>;
    assert.deepEqual([json['state'], json['phase'], json['weightBp'], json['exitCode']], ['open', 'soaking', 100, 0]);
    assert.match((await on('timeline', 'answer-api')).stdout, /1 % {2}ann \(claimed\) {2}messages: 0/);
    const listed = await until(
      async () => {
        const { stdout } = await workplace.run('list', '--service', 'answer-api');
        return stdout.includes('answer-api') && stdout;
      },
      { withinMs: 30_000, what: 'the index to know the rollout' },
    );
    assert.match(listed, /^SERVICE +ENVIRONMENT .*\nanswer-api +test +9f3c1e/);
  });

  it('what-if reads the history by the workflow id, and says where there is nothing to judge again', async () => {
    const open = await workplace.run('what-if', 'rollout/test/answer-api', '--policy', 'answer-api.yaml');
    assert.deepEqual([open.code, open.stdout], [1, '']);
    assert.match(
      open.stderr,
      /^sluice: found no judged step in rollout\/test\/answer-api, expected a rollout whose candidate had users/,
    );
    const unknown = await workplace.run('what-if', 'rollout/test/nobody', '--policy', 'answer-api.yaml');
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /^sluice: .*not found.*rollout\/test\/nobody/);
  });

  it('passes a refusal on as 4, a message to nobody as 1', async () => {
    const paused = await on('pause', 'answer-api', '--reason', 'lunch');
    assert.deepEqual([paused.code, paused.stdout], [0, 'pause: pause by ann: lunch\n']);
    const refused = await on('resume', 'answer-api');
    assert.deepEqual([refused.code, refused.stderr], [4, 'sluice: resume refused: not paused\n']);
    const nobody = await on('abort', 'nobody');
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /^sluice: no rollout of "nobody" in "test" is known/);
  });

  it('a wait that is interrupted detaches with 5, and the rollout goes on', async () => {
    workplace.write('detached.yaml', rollout('detached'));
    const waiting = await workplace.start('start', 'detached.yaml', '--wait');
    await until(() => waiting.stdout.includes('step 1/5'), { withinMs: 30_000, what: 'the first look' });
    waiting.signal('SIGINT');
    const { code, stdout } = await waiting.waitForExit({ withinMs: 20_000 });
    assert.equal(code, 5);
    assert.match(stdout, /detached; the rollout goes on: sluice status detached --env test\n$/);
    assert.match((await on('status', 'detached')).stdout, /soaking|soak/);
  });

  it('time that runs out detaches with 5, or aborts with 2 when told to', async () => {
    const detached = await start('detached', '--wait', '--timeout', '1s');
    assert.deepEqual([detached.code, /time is up; the rollout goes on/.test(detached.stdout)], [5, true]);
    const aborted = await start('detached', '--wait', '--timeout', '1s', '--on-timeout', 'abort');
    assert.equal(aborted.code, 2, aborted.stderr);
    assert.match(aborted.stdout, /aborted: not done within 1 s: /);
  });

  it('an abort is 0 when it is confirmed, and 4 when there is nothing left to abort', async () => {
    const { code, stdout } = await on('abort', 'answer-api', '--reason', 'too slow');
    assert.deepEqual([code, /^abort: /.test(stdout)], [0, true]);
    await until(async () => (await on('status', 'answer-api')).stdout.includes('rolled-back'), {
      withinMs: 30_000,
      what: 'the rollout to close',
    });
    const again = await on('abort', 'answer-api');
    assert.equal(again.code, 4);
    assert.match(again.stderr, /^sluice: abort refused: the rollout has ended: rolled-back .*too slow\n$/);
  });

  it('a wait returns 0 on promotion, prints each change on a line, and says "already promoted" the next time', async () => {
    workplace.write('promoted.yaml', rollout('promoted'));
    const waiting = await workplace.start('start', 'promoted.yaml', '--wait');
    await until(() => waiting.stdout.includes('step 1/5'), { withinMs: 30_000, what: 'the first look' });
    assert.equal((await on('promote', 'promoted')).code, 0);
    const { code, stdout } = await waiting.waitForExit({ withinMs: 20_000 });
    assert.equal(code, 0);
    assert.match(stdout, /promoted · promoted 9f3c1e · promote by ann\nserving everybody: green \(9f3c1e\)\n$/);
    const again = await start('promoted');
    assert.equal(again.code, 0);
    assert.match(again.stdout, /^promoted test: already promoted: .*--again\n$/);
  });

  it('rolls a promotion back', async () => {
    const begun = await on('rollback', 'promoted', '--no-wait');
    assert.equal(begun.code, 0, begun.stderr);
    assert.match(begun.stdout, /^started rollout\/test\/promoted: old → blue, 1 steps/);
    await on('promote', 'promoted');
    await until(async () => (await on('status', 'promoted')).stdout.startsWith('promoted ·'), {
      withinMs: 30_000,
      what: 'the rollback to close',
    });
    const again = await on('rollback', 'promoted');
    assert.equal(again.code, 4);
    assert.match(again.stderr, /^sluice: old was brought back by a rollback already/);
  });

  it('an abort that nobody takes up is recorded, with what brings the users back, and 5', async () => {
    await start('left-alone');
    await worker.stop();
    const { code, stdout } = await on('abort', 'left-alone');
    assert.equal(code, 5);
    assert.match(stdout, /^abort: recorded; no worker is polling; users return to stable by lease in at most 15 s/);
    const status = await on('status', 'left-alone');
    assert.deepEqual([status.code, /no worker answers\nlast known: STARTING/.test(status.stdout)], [0, true]);
    worker = await startStubWorker(server.address);
  });

  it('doctor finds nothing to complain about but the router that is not there', async () => {
    const { code, stdout } = await workplace.run('doctor');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /ok +workers +1 poll sluice, 1 poll sluice-long/);
    assert.match(stdout, /ok +search attributes/);
    assert.match(stdout, /ok +clock +this machine is -?\d+ ms/);
  });
});
