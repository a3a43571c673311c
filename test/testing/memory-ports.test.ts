import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryCapacity, MemoryNotifier, MemoryPorts, MemoryQueues } from '../../src/testing/index.js';
import { directiveWith } from '../domain/directives.js';

const target = { service: 'app', environment: 'production' };
const blue = { id: 'blue', release: 'r1' };
const ramp = { id: 'r2~1', epoch: 2, owner: 'me' };

void test('an unknown connection is refused with the known ones', () => {
  const ports = new MemoryPorts(() => 0, { routers: { edge: new MemoryPorts(() => 0).inMemory.router } });
  assert.equal(ports.router('memory'), ports.inMemory.router);
  assert.throws(() => ports.router('haproxy'), {
    kind: 'permanent',
    message: 'no router connection "haproxy"; known: memory, edge',
  });
  assert.throws(() => ports.metrics('toString'), { message: /no metrics connection/ });
});

void test('capacity is pending as often as told, never lowered, and held at its floor', async () => {
  const capacity = new MemoryCapacity(2);
  capacity.provide(target, blue, 2);
  const ensure = (units: number): Promise<unknown> => capacity.ensure(target, blue, units);
  assert.deepEqual(
    [await ensure(5), await ensure(5), await ensure(5)],
    [
      { kind: 'pending', units: 2 },
      { kind: 'pending', units: 2 },
      { kind: 'ready', units: 5 },
    ],
  );
  assert.deepEqual(await ensure(1), { kind: 'ready', units: 5 });
  await capacity.holdFloor(target, blue, 4);
  capacity.shrink(target, blue, 1);
  assert.equal(await capacity.units(target, blue), 4);
  await capacity.holdFloor(target, blue, 0);
  capacity.shrink(target, blue, 1);
  assert.equal(await capacity.units(target, blue), 1);
  capacity.fail(target, blue, 'quota');
  assert.deepEqual(await ensure(9), { kind: 'failed', reason: 'quota' });
  await capacity.release(target, blue);
  assert.equal(await capacity.units(target, blue), 0);
});

void test('queues keep the directive with the highest epoch and sequence, whatever arrives late', async () => {
  const queues = new MemoryQueues();
  const directive = directiveWith({ ramp, sequence: 3 });
  await queues.direct(target, directive);
  await queues.direct(target, { ...directive, sequence: 2, batchPaused: false });
  await queues.direct(target, { ...directive, ramp: { ...ramp, epoch: 1 }, sequence: 9 });
  assert.deepEqual(queues.current(target), directive);
  await queues.direct(target, { ...directive, ramp: { ...ramp, epoch: 3 }, sequence: 1 });
  assert.equal(queues.current(target)?.ramp.epoch, 3);
  assert.equal(await queues.epoch(target), 3);
  assert.equal(queues.sent.length, 4);
});

void test('a notice is delivered once for its deduplication id', async () => {
  const notifier = new MemoryNotifier();
  const notice = { title: 't', text: 'x', severity: 'info', rollout: 'r' } as const;
  await notifier.send(notice, 'a');
  await notifier.send(notice, 'a');
  await notifier.send(notice, 'b');
  assert.equal(notifier.notices.length, 2);
});
