import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { StoreTimeout, TimeLimit } from '../../src/guard/time-limit.js';
import { gate } from './support.js';

const never = new Promise<never>(() => undefined);

test('a call that is not answered fails at its limit, whether others began before it, with it or after it were answered', async () => {
  const limit = new TimeLimit(30);
  const failed: unknown[] = [];
  const hanging = [0, 1].map(() => limit.within(() => never, { failed: (error) => failed.push(error) }));
  assert.equal(await limit.within(() => Promise.resolve('answered')), 'answered');
  for (const call of hanging) await assert.rejects(call, StoreTimeout);
  assert.equal(failed.length, 2, 'each failure is told once');
  // The timer of those before has gone, and a new call has a limit all the same.
  await assert.rejects(
    limit.within(() => never),
    StoreTimeout,
  );
  // The timer of the first is set when the second begins, and must go on to the second.
  const first = limit.within(() => never);
  await assert.rejects(
    new TimeLimit(10).within(() => never),
    StoreTimeout,
  );
  const second = limit.within(() => never);
  const order: string[] = [];
  await Promise.all([
    assert.rejects(second, StoreTimeout).then(() => order.push('second')),
    assert.rejects(first, StoreTimeout).then(() => order.push('first')),
  ]);
  assert.deepEqual(order, ['first', 'second']);
});

test('what comes after the limit is given to whoever takes it back, and an error then is told to nobody', async () => {
  const limit = new TimeLimit(5);
  const [answer, refusal, taken] = [gate<string>(), gate(), gate<string>()];
  const failed: unknown[] = [];
  await assert.rejects(
    limit.within(() => answer.opened, { late: taken.open }),
    StoreTimeout,
  );
  const broken = refusal.opened.then(() => Promise.reject(new Error('broken')));
  await assert.rejects(
    limit.within(() => broken, { failed: (error) => failed.push(error) }),
    StoreTimeout,
  );
  answer.open('late');
  refusal.open();
  assert.equal(await taken.opened, 'late');
  await assert.rejects(broken, /broken/);
  assert.equal(failed.length, 1, 'the limit alone');
});

test('a failure is passed on as an error, whatever was thrown', async () => {
  const limit = new TimeLimit(1_000);
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a store of another's making may
  const refuse = (): Promise<never> => Promise.reject('away');
  await assert.rejects(limit.within(refuse), (error) => error instanceof Error && error.message === 'away');
});

test('a call that throws, or that gives no promise, has failed at once', async () => {
  const limit = new TimeLimit(600_000);
  for (const call of [
    () => {
      throw new Error('away');
    },
    () => undefined as unknown as Promise<void>,
  ]) {
    const failed: unknown[] = [];
    await assert.rejects(limit.within(call, { failed: (error) => failed.push(error) }), Error);
    assert.equal(failed.length, 1);
  }
});

test('whoever is told of a failure and calls again has a limit too, and so have those who waited on', async () => {
  const limit = new TimeLimit(20);
  const again: Promise<unknown>[] = [];
  const first = limit.within(() => never, { failed: () => again.push(limit.within(() => never)) });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const second = limit.within(() => never);
  await assert.rejects(first, StoreTimeout);
  await assert.rejects(second, StoreTimeout);
  assert.equal(again.length, 1);
  await assert.rejects(again[0]!, StoreTimeout);
});

test('a process lives as long as it waits for an answer within the limit, and no longer', { timeout: 60_000 }, async () => {
  const module = new URL('../../src/guard/time-limit.ts', import.meta.url).href;
  const outputOf = async (program: string): Promise<string> => {
    const code = `const { TimeLimit } = await import(${JSON.stringify(module)}); ${program}`;
    return (await promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code])).stdout;
  };
  const [ends, waits] = await Promise.all([
    outputOf("await new TimeLimit(600_000).within(() => Promise.resolve()); console.log('ends');"),
    outputOf(`const limit = new TimeLimit(300);
      await limit.within(() => Promise.resolve());
      await limit.within(() => new Promise(() => {})).catch(({ name }) => console.log(name));`),
  ]);
  assert.deepEqual([ends, waits], ['ends\n', 'StoreTimeout\n']);
});
