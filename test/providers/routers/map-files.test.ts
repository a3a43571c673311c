import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Deadline } from '../../../src/providers/routers/slots/deadline.js';
import { MapFiles } from '../../../src/providers/routers/haproxy/map-files.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-maps-'));
  for (const name of ['stable', 'revoked']) writeFileSync(join(folder, `${name}.map`), '');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const soon = (ms = 5_000): Deadline => new Deadline(ms, 'the test');
const text = (name: string): string => readFileSync(join(folder, `${name}.map`), 'utf8');

void test('an entry is set and every other line stays, comments included', async () => {
  writeFileSync(join(folder, 'stable.map'), '# ours\napp blue\n  other   green\n');
  const files = new MapFiles(folder);
  await files.put('stable', 'app', 'green', soon());
  assert.deepEqual(
    [await files.get('stable', 'app'), await files.get('stable', 'other'), await files.get('stable', 'none')],
    ['green', 'green', undefined],
  );
  assert.match(text('stable'), /# ours/);
  assert.deepEqual(readdirSync(folder).sort(), ['revoked.map', 'stable.map'], 'no lock is left');
});

void test('who runs out of time while others write is told so, is not in the file, and takes nobody down', async () => {
  const files = new MapFiles(folder);
  const keys = Array.from({ length: 40 }, (_, number) => `service-${String(number)}`);
  const outcomes = await Promise.allSettled(
    keys.flatMap((key, index) => {
      // Every fourth has no time left once its turn comes.
      const deadline = (): Deadline => soon(index % 4 === 0 ? 0.001 : 20_000);
      return [files.put('stable', key, 'green', deadline()), files.addOnce('revoked', key, '1', deadline())];
    }),
  );
  const late = keys.filter((_, index) => index % 4 === 0);
  assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 2 * late.length);
  for (const key of keys) {
    const expected = late.includes(key) ? [undefined, undefined] : ['green', '1'];
    assert.deepEqual([await files.get('stable', key), await files.get('revoked', key)], expected, key);
  }
});

void test('many writers of one file lose nothing', async () => {
  const keys = Array.from({ length: 24 }, (_, number) => `service-${String(number)}`);
  await Promise.all(
    keys.map((key, index) => new MapFiles(folder).put('stable', key, index % 2 === 0 ? 'blue' : 'green', soon(20_000))),
  );
  await Promise.all(keys.map((key) => new MapFiles(folder).addOnce('revoked', key, '1', soon(20_000))));
  assert.deepEqual(
    text('stable')
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0])
      .sort(),
    [...keys].sort(),
  );
  assert.deepEqual(text('revoked').trim().split('\n').sort(), keys.map((key) => `${key} 1`).sort());
});

void test('lines that wait in one process land together, and none whose deadline has passed', async () => {
  const files = new MapFiles(folder);
  const keys = Array.from({ length: 50 }, (_, number) => `service-${String(number)}`);
  const late = assert.rejects(files.put('stable', 'late', 'green', new Deadline(0, 'a writer that has given up')));
  await Promise.all([late, ...keys.map((key) => files.put('stable', key, 'blue', soon(20_000)))]);
  assert.deepEqual(text('stable').trim().split('\n').sort(), keys.map((key) => `${key} blue`).sort());
});

void test('what the file says already is not written again', async () => {
  const files = new MapFiles(folder);
  await files.put('stable', 'app', 'blue', soon());
  const { ino } = statSync(join(folder, 'stable.map'));
  await files.put('stable', 'app', 'blue', soon());
  assert.equal(statSync(join(folder, 'stable.map')).ino, ino);
  for (let time = 0; time < 3; time++) await files.addOnce('revoked', 'r~1', String(time), soon());
  assert.equal(text('revoked'), 'r~1 0\n');
});

void test('half a line of a writer that died does not swallow the next entry', async () => {
  writeFileSync(join(folder, 'revoked.map'), 'a~1 1\nb~');
  await new MapFiles(folder).addOnce('revoked', 'c~1', '1', soon());
  assert.equal(text('revoked'), 'a~1 1\nb~\nc~1 1\n');
});

void test('a lock that is held makes the writer wait until its deadline, and the file stays as it is', async () => {
  writeFileSync(join(folder, 'stable.map.lock'), '');
  await assert.rejects(new MapFiles(folder).put('stable', 'app', 'blue', soon(150)), {
    name: 'ProviderError',
    kind: 'transient',
  });
  assert.equal(text('stable'), '');
  assert.ok(readdirSync(folder).includes('stable.map.lock'), "another's lock is left alone");
});

void test('the lock of a writer that died long ago is taken over', async () => {
  writeFileSync(join(folder, 'stable.map.lock'), 'half of someth');
  const longAgo = Date.now() / 1_000 - 60;
  utimesSync(join(folder, 'stable.map.lock'), longAgo, longAgo);
  await new MapFiles(folder).put('stable', 'app', 'blue', soon());
  assert.equal(text('stable'), 'app blue\n');
});

void test('a deadline that has passed keeps a file from changing', async () => {
  const files = new MapFiles(folder);
  await assert.rejects(files.put('stable', 'app', 'blue', soon(0)), { kind: 'transient' });
  await assert.rejects(files.addOnce('revoked', 'r~1', '1', soon(0)), { kind: 'transient' });
  assert.deepEqual([text('stable'), text('revoked')], ['', '']);
});

void test('a folder that is not the one of HAProxy is a permanent error that says so', async () => {
  const files = new MapFiles(join(folder, 'elsewhere'));
  await assert.rejects(files.put('stable', 'app', 'blue', soon()), { kind: 'permanent', message: /must be the RUN/ });
  await assert.rejects(files.addOnce('revoked', 'r~1', '1', soon()), { kind: 'permanent', message: /must be the RUN/ });
});
