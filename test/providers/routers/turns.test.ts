import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProviderError } from '../../../src/providers/errors.js';
import { Turns } from '../../../src/providers/routers/turns.js';

/** A task that ends when it is told to. */
function held(): { readonly task: () => Promise<string>; readonly end: () => void; readonly hasBegun: () => boolean } {
  let [begun, end] = [false, (): void => undefined];
  const ended = new Promise<void>((resolve) => (end = resolve));
  const task = async (): Promise<string> => {
    begun = true;
    await ended;
    return 'done';
  };
  return {
    task,
    end: () => {
      end();
    },
    hasBegun: () => begun,
  };
}

const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('so many run at a time, and the others in the order in which they came', async () => {
  const turns = new Turns(2, 60_000);
  const tasks = Array.from({ length: 4 }, held);
  const runs = tasks.map(({ task }, k) => turns.run(`call ${String(k)}`, task));
  await turnOfTheLoop();
  const begun = (): boolean[] => tasks.map(({ hasBegun }) => hasBegun());
  assert.deepEqual(begun(), [true, true, false, false]);
  tasks[1]?.end();
  await runs[1];
  await turnOfTheLoop();
  assert.deepEqual(begun(), [true, true, true, false]);
  for (const { end } of tasks) end();
  assert.deepEqual(await Promise.all(runs), ['done', 'done', 'done', 'done']);
});

test('who gets no turn in time has done nothing, says so, and takes no turn from those behind', async () => {
  const turns = new Turns(1, 30);
  const [first, late, next] = [held(), held(), held()];
  const running = turns.run('first', first.task);
  await assert.rejects(
    turns.run('HAProxy, apply of "app"', late.task),
    (error) =>
      error instanceof ProviderError &&
      error.kind === 'transient' &&
      /apply of "app": no turn within 30 ms .* nothing was written/.test(error.message),
  );
  first.end();
  await running;
  next.end();
  assert.equal(await turns.run('next', next.task), 'done');
  assert.equal(late.hasBegun(), false);
});

test('a process that was stopped while it waited has waited too long, though its turn has come', async () => {
  const turns = new Turns(1, 40);
  const [first, second] = [held(), held()];
  const running = turns.run('first', first.task);
  const waiting = turns.run('second', second.task);
  await turnOfTheLoop();
  first.end();
  // Nothing runs meanwhile, timers included.
  const until = performance.now() + 60;
  while (performance.now() < until);
  await running;
  await assert.rejects(waiting, /no turn within 40 ms/);
  assert.equal(second.hasBegun(), false);
});

test('a task that fails gives its turn on', async () => {
  const turns = new Turns(1, 1_000);
  await assert.rejects(
    turns.run('one', () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(await turns.run('two', () => Promise.resolve(2)), 2);
});
