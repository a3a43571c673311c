/** The reader by itself, on a source that the test commands. With the real stores: record.test.ts. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { encodeReleaseRecord, type ReleaseRecord } from '../../../src/domain/release-record.js';
import type { GuardEvent } from '../../../src/guard/events.js';
import {
  openReleaseRecord,
  type ReleaseOptions,
  type ReleaseReader,
  type ReleaseSource,
  type ReleaseWatcher,
} from '../../../src/guard/release/reader.js';
import { directiveWith } from '../../domain/directives.js';
import { until } from '../../harness/until.js';

const NEVER_MS = 600_000;

function recordWith(overrides: Partial<ReleaseRecord> = {}): string {
  const { keepKeysForMs: _keep, weightBp: _weight, ...policy } = directiveWith();
  return encodeReleaseRecord({ ...policy, updatedAt: 1, keepKeysUntil: 2, ...overrides });
}

class Commanded implements ReleaseSource {
  text: string | undefined;
  reads = 0;
  /** While it is set, reads wait for it. */
  holding: Promise<void> | undefined;
  readonly watchers: ReleaseWatcher[] = [];
  unwatched = 0;

  async read(): Promise<string | undefined> {
    this.reads += 1;
    const { text } = this;
    await this.holding;
    return text;
  }

  watch(_target: unknown, watcher: ReleaseWatcher): Promise<() => Promise<void>> {
    this.watchers.push(watcher);
    return Promise.resolve(() => {
      this.unwatched += 1;
      return Promise.resolve();
    });
  }
}

async function open(t: TestContext, source: ReleaseSource, options: Partial<ReleaseOptions> = {}): Promise<ReleaseReader> {
  const target = { service: 'jobs', environment: 'test' };
  const reader = await openReleaseRecord({ source, target, cacheMs: NEVER_MS, ...options });
  t.after(() => reader.close());
  return reader;
}

test('an older record, as a replica that lags gives, does not undo what is known', async (t) => {
  const source = new Commanded();
  const { ramp } = directiveWith();
  source.text = recordWith({ sequence: 4 });
  const reader = await open(t, source);
  for (const older of [recordWith({ sequence: 3 }), recordWith({ sequence: 9, ramp: { ...ramp, epoch: ramp.epoch - 1 } })]) {
    source.text = older;
    await reader.refresh();
    const { record, readable } = reader.current();
    assert.deepEqual([record?.sequence, record?.ramp.epoch, readable], [4, ramp.epoch, true]);
  }
});

test('a record that is told while a read is on its way is read as well', async (t) => {
  const source = new Commanded();
  source.text = recordWith({ sequence: 1 });
  const reader = await open(t, source);
  let letGo: () => void = () => undefined;
  source.holding = new Promise((resolve) => {
    letGo = resolve;
  });
  const early = reader.refresh();
  source.text = recordWith({ sequence: 2 });
  source.watchers[0]?.changed();
  letGo();
  await early;
  assert.equal(reader.current().record?.sequence, 2);
});

test('a store that hangs keeps no service from starting, and is counted', async (t) => {
  const source = new Commanded();
  source.holding = new Promise(() => undefined);
  const events: GuardEvent[] = [];
  const hanging: ReleaseSource = { read: () => source.read(), watch: () => new Promise(() => undefined) };
  const reader = await open(t, hanging, { timeoutMs: 20, onEvent: (event) => events.push(event) });
  assert.deepEqual(reader.current(), { record: undefined, ageMs: 0, readable: false });
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['release-unreadable'],
  );
});

test('a connection that was lost is listened on again', async (t) => {
  const source = new Commanded();
  await open(t, source, { cacheMs: 10 });
  source.watchers[0]?.lost();
  await until(() => source.watchers.length === 2, { withinMs: 10_000, what: 'a second watch' });
});

test('who is closed neither reads nor listens', async (t) => {
  const source = new Commanded();
  const reader = await open(t, source);
  const { reads } = source;
  await reader.close();
  source.watchers[0]?.changed();
  await reader.refresh();
  assert.deepEqual([source.reads, source.unwatched], [reads, 1]);
});
