import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dedupe } from '../../../src/guard/webhooks/dedupe.js';
import { dedupeKey, WEBHOOK_RETAIN_MS, type Message, type WebhookEvent } from '../../../src/guard/webhooks/event.js';
import { bench } from '../support.js';

const OPTIONS = { name: 'cms', tenant: 'acme' };
const event = (change: Partial<WebhookEvent> = {}): WebhookEvent => ({
  sourceId: 'doc-1',
  eventRev: 1,
  indexHash: 'a',
  ...change,
});

test('the key is the sha256 over all three fields, which no bytes cross (A2)', () => {
  assert.match(dedupeKey(event()), /^[0-9a-f]{64}$/);
  const field = fc.string({ minLength: 1 });
  const events = fc.record({ sourceId: field, eventRev: fc.nat(20), indexHash: field });
  fc.assert(
    fc.property(events, events, (one, other) => {
      assert.equal(dedupeKey(one) === dedupeKey(other), JSON.stringify(one) === JSON.stringify(other));
    }),
  );
  assert.notEqual(dedupeKey(event({ sourceId: 'ab|c', indexHash: 'd' })), dedupeKey(event({ sourceId: 'ab', indexHash: 'c|d' })));
});

test('an event delivered five times across a flip has one effect, under the index hash that it first came in with', async () => {
  const { guard } = bench();
  const messages: Message[] = [];
  const ends: string[] = [];
  for (const indexHash of ['a', 'a', 'b', 'b', 'a'])
    ends.push((await dedupe(guard, OPTIONS, event({ indexHash }), (message) => void messages.push(message))).kind);
  assert.deepEqual(ends, ['applied', 'repeated', 'repeated', 'repeated', 'repeated']);
  assert.deepEqual(messages, [{ ...event(), dedupeKey: dedupeKey(event()), attempt: 1 }]);
});

test('another revision, source, endpoint or tenant is another event', async () => {
  const { guard } = bench();
  const run = async (options = OPTIONS, change = {}) => (await dedupe(guard, options, event(change), () => undefined)).kind;
  const ends = [
    await run(),
    await run(OPTIONS, { eventRev: 2 }),
    await run(OPTIONS, { sourceId: 'doc-2' }),
    await run({ ...OPTIONS, name: 'crm' }),
    await run({ ...OPTIONS, tenant: 'other' }),
  ];
  assert.deepEqual(ends, Array(5).fill('applied'));
});

test('an effect that does no harm twice may run again after an attempt that was lost, where the endpoint says so', async () => {
  for (const onLost of ['reject', 'reexecute'] as const) {
    const { guard } = bench();
    const broken = dedupe(guard, { ...OPTIONS, onLost }, event(), () => Promise.reject(new Error('broken')));
    await assert.rejects(broken, /broken/);
    const again = await dedupe(guard, { ...OPTIONS, onLost }, event(), () => undefined);
    assert.equal(again.kind, onLost === 'reject' ? 'refused' : 'applied');
  }
});

test('it is remembered for 14 days (A13)', async () => {
  const { guard, pass } = bench();
  const run = async () => (await dedupe(guard, OPTIONS, event(), () => undefined)).kind;
  await run();
  pass(WEBHOOK_RETAIN_MS - 1);
  assert.equal(await run(), 'repeated');
  pass(2);
  assert.equal(await run(), 'applied');
  assert.equal(WEBHOOK_RETAIN_MS, 14 * 86_400_000);
});

test('an event that no sender means is an error', async () => {
  const { guard } = bench();
  for (const change of [{ sourceId: '' }, { indexHash: '' }, { eventRev: -1 }, { eventRev: 1.5 }, { eventRev: Number.NaN }])
    await assert.rejects(
      dedupe(guard, OPTIONS, event(change), () => undefined),
      TypeError,
    );
});
