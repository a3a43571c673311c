import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardJob, type JobOptions } from '../../../src/guard/adapters/job.js';
import { NothingDone, Refused } from '../../../src/guard/refusal.js';
import { bench, gate } from '../support.js';

interface Invoice {
  readonly id: string;
  readonly cents: number;
}

const options = (change: Partial<JobOptions<Invoice>> = {}): JobOptions<Invoice> => ({
  name: 'send-invoice',
  tenant: () => 'acme',
  key: ({ id }) => id,
  ...change,
});
const invoice: Invoice = { id: 'i-1', cents: 100 };
const refusal = (kind: string) => (error: unknown) => error instanceof Refused && error.refusal.kind === kind;

test('a job that is delivered again gets its first result', async () => {
  const { guard } = bench();
  let effects = 0;
  const job = guardJob(guard, options(), ({ id }) => ({ id, sent: ++effects }));
  assert.deepEqual(await job(invoice), { kind: 'ran', result: { id: 'i-1', sent: 1 } });
  for (let times = 0; times < 3; times++)
    assert.deepEqual(await job(invoice), { kind: 'replayed', result: { id: 'i-1', sent: 1 } });
  assert.equal(effects, 1);
});

test('a job without a result, and one whose result is too large, are not done twice', async () => {
  const { guard } = bench();
  let effects = 0;
  const nothing = guardJob(guard, options({ name: 'nothing' }), () => {
    effects++;
  });
  assert.deepEqual(await nothing(invoice), { kind: 'ran', result: undefined });
  assert.deepEqual(await nothing(invoice), { kind: 'replayed', result: undefined });
  const large = guardJob(guard, options({ name: 'large' }), () => `${String(++effects)}${'x'.repeat(300_000)}`);
  assert.equal((await large(invoice)).kind, 'ran');
  assert.deepEqual(await large(invoice), { kind: 'not-kept' });
  assert.equal(effects, 2);
});

test('a job without a key of its own is told so and not run, and so is whoever sets it up without one', async () => {
  const { guard, store } = bench();
  for (const [key, found] of [
    [undefined, 'a value of type undefined'],
    ['', 'an empty text'],
    [7, 'a value of type number'],
  ] as const) {
    const job = guardJob(guard, options({ key: () => key as unknown as string }), () => assert.fail('it ran'));
    await assert.rejects(job(invoice), {
      name: 'TypeError',
      message: new RegExp(`a job "send-invoice" has no key: options.key gave ${found}`),
    });
  }
  assert.deepEqual(store.calls, []);
  const made = (change: object) => () => guardJob(guard, { ...options(), ...change }, () => 1);
  assert.throws(made({ key: undefined }), /options\.key of the job "send-invoice" is missing/);
  assert.throws(made({ tenant: undefined }), /options\.tenant of the job "send-invoice" is missing/);
  assert.throws(made({ name: '' }), /options\.name is missing/);
});

test('a delivery beside a running one is told when to come again', async () => {
  const { guard } = bench();
  const { opened, open } = gate();
  const job = guardJob(guard, options(), () => opened);
  const first = job(invoice);
  await assert.rejects(job(invoice), (error) => refusal('outstanding')(error) && (error as Refused).retryMs! > 0);
  open();
  await first;
});

test('another payload under the same key is refused for good, unless it means the same', async () => {
  const { guard } = bench();
  const job = guardJob(guard, options(), () => 1);
  await job(invoice);
  const other = { ...invoice, cents: 200 };
  await assert.rejects(job(other), (error) => refusal('mismatch')(error) && (error as Refused).retryMs === undefined);
  const meaning = guardJob(guard, options({ name: 'meaning', meaning: ({ id }) => id }), () => 1);
  await meaning(invoice);
  assert.equal((await meaning(other)).kind, 'replayed');
});

test('after a throw the outcome is unknown; a job that may be done twice says so, and one that did nothing runs again', async () => {
  const { guard } = bench();
  const attempts: number[] = [];
  const failing = (error: Error, change = {}) =>
    guardJob(guard, options(change), (_payload, { attempt }) => {
      attempts.push(attempt);
      throw error;
    });
  await assert.rejects(failing(new Error('lost'))(invoice), /lost/);
  await assert.rejects(failing(new Error('again'))(invoice), refusal('unknown'));
  await assert.rejects(failing(new NothingDone('early'), { onLost: 'reexecute' })(invoice), /early/);
  const end = await guardJob(guard, options({ onLost: 'reexecute' }), (_payload, { attempt }) => attempt)(invoice);
  assert.deepEqual(end, { kind: 'ran', result: 2 });
  assert.deepEqual(attempts, [1, 2]);
});

test('observing runs every delivery and counts', async () => {
  const { guard, kinds } = bench();
  let effects = 0;
  const job = guardJob(guard, options({ mode: 'observe' }), () => ++effects);
  for (let times = 1; times <= 3; times++) assert.deepEqual(await job(invoice), { kind: 'ran', result: times });
  assert.deepEqual(kinds(), ['executed', 'replayed', 'replayed']);
});
