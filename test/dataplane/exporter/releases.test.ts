import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Releases, type ReleaseLimits } from '../../../src/dataplane/exporter/releases.js';
import { Workers } from '../../../src/dataplane/exporter/workers.js';

function tracked(limits: Partial<ReleaseLimits> = {}) {
  const alive = new Set<string>();
  const name = ({ service, slot, release }: { service: string; slot: string; release: string }): string =>
    `${service}/${slot}/${release}`;
  const releases = new Releases(
    { retireAfterMs: 1_000, releasesPerSlot: 3, slotsPerService: 2, unknownServices: 1, ...limits },
    (key) => {
      alive.add(name(key));
    },
    (key) => {
      alive.delete(name(key));
    },
  );
  return {
    alive,
    releases,
    note: (release: string, nowMs: number, slot = 'blue', service = 'app') => releases.note({ service, slot, release }, nowMs),
  };
}

test('a release that another followed is forgotten when it has not been seen for a while', () => {
  const { alive, releases, note } = tracked();
  note('r1', 0);
  note('r2', 500);
  releases.sweep(1_000);
  assert.deepEqual([...alive], ['app/blue/r1', 'app/blue/r2']);
  releases.sweep(1_001);
  assert.deepEqual([...alive], ['app/blue/r2']);
});

test('the newest release of a slot stays, however long nobody asked for it', () => {
  const { alive, releases, note } = tracked();
  note('r1', 0);
  releases.sweep(1e9);
  assert.deepEqual([...alive], ['app/blue/r1']);
});

test('a configured slot is known for ever, and is no release that another could follow', () => {
  const { alive, releases, note } = tracked();
  releases.declare('app', 'blue');
  note('r1', 10);
  releases.sweep(1e9);
  assert.deepEqual([...alive], ['app/blue/', 'app/blue/r1']);
});

test('more releases than the cap push out those that were seen longest ago', () => {
  const { alive, note } = tracked();
  for (const [index, release] of ['r1', 'r2', 'r3', 'r1', 'r4'].entries()) note(release, index);
  assert.deepEqual([...alive].sort(), ['app/blue/r1', 'app/blue/r3', 'app/blue/r4']);
});

test('slots and services beyond their caps are refused; those that are configured are not counted', () => {
  const { releases, note } = tracked();
  releases.declare('app', 'blue');
  assert.deepEqual([note('r', 0, 'green'), note('r', 0, 'red')], [true, false]);
  assert.deepEqual(
    [
      note('r', 0, 'blue', 'unknown-1'),
      note('r', 0, 'blue', 'unknown-2'),
      releases.admits('unknown-2'),
      releases.admits('unknown-1'),
    ],
    [true, false, false, true],
  );
});

test('the worker that was seen first last is the current one', () => {
  const workers = new Workers();
  assert.deepEqual(
    [7, 7, 9, 7, 9].map((pid, index) => workers.note(pid, index)),
    ['current', 'current', 'current', 'draining', 'current'],
  );
});

test('a pid that comes back after a long time is a new worker', () => {
  const workers = new Workers();
  workers.note(7, 0);
  workers.note(9, 1);
  workers.note(11, 3_600_000);
  assert.equal(workers.note(7, 3_600_001), 'current');
});
