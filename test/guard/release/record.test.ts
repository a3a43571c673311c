/** The release record from the controller's hand to the guard's eye, on the real servers. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { closingDirective } from '../../../src/domain/directing.js';
import { isBefore, parseReleaseRecord, type ReleaseRecord } from '../../../src/domain/release-record.js';
import type { GuardEvent } from '../../../src/guard/events.js';
import { openReleaseRecord, type ReleaseOptions, type ReleaseReader } from '../../../src/guard/release/reader.js';
import { directiveWith } from '../../domain/directives.js';
import { until } from '../../harness/until.js';
import { STAGES, TARGET, type ReleaseStage } from './stages.js';

/** Longer than any test: what is seen was told, not polled. */
const NEVER_MS = 600_000;
const RAMP = directiveWith().ramp;

for (const { kind, without, open } of STAGES)
  describe(`the release record in ${kind}`, { skip: without }, () => {
    let stage: ReleaseStage;
    before(async () => {
      stage = await open();
    });
    after(async () => {
      await stage.stop();
    });
    beforeEach(async () => {
      await stage.forget();
    });

    const read = async (t: TestContext, options: Partial<ReleaseOptions> = {}): Promise<ReleaseReader> => {
      // On a busy machine a second is no long time.
      const reader = await openReleaseRecord({ source: stage.source, target: TARGET, timeoutMs: 10_000, ...options });
      t.after(() => reader.close());
      return reader;
    };
    const recordOf = async (t: TestContext): Promise<ReleaseRecord> => {
      const { record } = (await read(t)).current();
      assert.ok(record);
      return record;
    };

    test('before the first rollout there is no record, and that is no failure', async (t) => {
      const { record, readable } = (await read(t)).current();
      assert.deepEqual({ record, readable }, { record: undefined, readable: true });
      assert.equal(await stage.queues.epoch(TARGET), 0);
    });

    test('what was told is read, with times by the clock of the store alone', async (t) => {
      const directive = directiveWith({ capPerPartition: 4, revoked: ['9f3c1e~00000000'] });
      const begun = await stage.now();
      await stage.queues.direct(TARGET, directive);
      const ended = await stage.now();
      const { updatedAt, keepKeysUntil, ...policy } = await recordOf(t);
      const { keepKeysForMs, weightBp: _weight, ...told } = directive;
      assert.deepEqual(policy, told);
      assert.equal(keepKeysUntil - updatedAt, keepKeysForMs);
      assert.ok(updatedAt >= Math.floor(begun) && updatedAt <= ended, `${begun} ≤ ${updatedAt} ≤ ${ended}`);
      assert.equal(await stage.queues.epoch(TARGET), directive.ramp.epoch);
    });

    test('the controller reads back what it told, and a word of another version is no record to it', async (t) => {
      assert.equal(await stage.queues.record(TARGET), undefined);
      await stage.queues.direct(TARGET, directiveWith());
      assert.deepEqual(await stage.queues.record(TARGET), await recordOf(t));
      await stage.put('{"v":2}');
      await assert.rejects(stage.queues.record(TARGET), /the release record has version 2, this guard knows 1/);
    });

    test('a release that was cut short is closed, and no word of a later ramp is undone by that', async (t) => {
      await stage.queues.direct(TARGET, directiveWith({ sequence: 4 }));
      const orphaned = await stage.queues.record(TARGET);
      assert.ok(orphaned, 'a record');
      await stage.queues.direct(TARGET, closingDirective(orphaned));
      const closed = await recordOf(t);
      assert.deepEqual([closed.phase, closed.batchPaused, closed.ramp.id], ['rolled-back', false, RAMP.id]);
      await stage.queues.direct(TARGET, directiveWith({ ramp: { ...RAMP, id: 'new~1', epoch: RAMP.epoch + 1 }, sequence: 1 }));
      await stage.queues.direct(TARGET, closingDirective(orphaned));
      const { ramp, batchPaused } = await recordOf(t);
      assert.deepEqual([ramp.id, batchPaused], ['new~1', true]);
    });

    test('a directive that comes late or twice changes nothing, whatever its ramp', async (t) => {
      await stage.queues.direct(TARGET, directiveWith({ sequence: 4 }));
      const first = await recordOf(t);
      await stage.queues.direct(TARGET, directiveWith({ sequence: 4, batchPaused: false }));
      await stage.queues.direct(TARGET, directiveWith({ sequence: 3, batchPaused: false }));
      await stage.queues.direct(TARGET, directiveWith({ ramp: { ...RAMP, id: 'old~1', epoch: RAMP.epoch - 1 }, sequence: 9 }));
      assert.deepEqual(await recordOf(t), first);
      await stage.queues.direct(TARGET, directiveWith({ ramp: { ...RAMP, id: 'new~1', epoch: RAMP.epoch + 1 }, sequence: 1 }));
      assert.equal((await recordOf(t)).ramp.id, 'new~1');
    });

    test('in whatever order directives arrive together, the highest stands at the end', async () => {
      const places = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 20 })), {
        minLength: 2,
        maxLength: 8,
        selector: ([epoch, sequence]) => `${epoch}/${sequence}`,
      });
      await fc.assert(
        fc.asyncProperty(places, async (chosen) => {
          await stage.forget();
          const directives = chosen.map(([epoch, sequence]) => directiveWith({ ramp: { ...RAMP, epoch }, sequence }));
          await Promise.all(directives.map((directive) => stage.queues.direct(TARGET, directive)));
          const highest = directives.reduce((one, other) => (isBefore(one, other) ? other : one));
          const parsed = parseReleaseRecord((await stage.source.read(TARGET)) ?? '');
          assert.ok(parsed.kind === 'record');
          const { ramp, sequence } = parsed.record;
          assert.deepEqual([ramp.epoch, sequence], [highest.ramp.epoch, highest.sequence]);
        }),
        { numRuns: 10 },
      );
    });

    test('a guard hears of a new record at once, and of a late one not at all', async (t) => {
      let reads = 0;
      const source: ReleaseOptions['source'] = {
        ...stage.source,
        read: (target) => {
          reads += 1;
          return stage.source.read(target);
        },
      };
      const reader = await read(t, { source, cacheMs: NEVER_MS });
      await stage.queues.direct(TARGET, directiveWith({ sequence: 2 }));
      await until(() => reader.current().record?.sequence === 2, { withinMs: 20_000, what: 'the first record' });
      const before = reads;
      await stage.queues.direct(TARGET, directiveWith({ sequence: 1 }));
      await stage.queues.direct({ ...TARGET, service: 'other' }, directiveWith({ sequence: 7 }));
      await stage.queues.direct(TARGET, directiveWith({ sequence: 3, batchPaused: false }));
      await until(() => reader.current().record?.sequence === 3, { withinMs: 20_000, what: 'the second record' });
      assert.equal(reader.current().record?.batchPaused, false);
      assert.equal(reads, before + 1);
    });

    test('a record of a version that nobody knows is refused, and the last one goes on to hold', async (t) => {
      const events: GuardEvent[] = [];
      await stage.queues.direct(TARGET, directiveWith());
      const reader = await read(t, { cacheMs: NEVER_MS, onEvent: (event) => events.push(event) });
      const { record } = reader.current();
      assert.ok(record);
      await stage.put('{"v": 2}');
      await reader.refresh();
      assert.deepEqual({ ...reader.current(), ageMs: 0 }, { record, readable: false, ageMs: 0 });
      assert.deepEqual(
        events.map(({ kind, route }) => [kind, route]),
        [['release-unreadable', 'release']],
      );
      assert.match(String(events[0]?.error), /version 2, this guard knows 1/);
    });

    test('a record that somebody deleted binds nobody any more', async (t) => {
      await stage.queues.direct(TARGET, directiveWith());
      const reader = await read(t);
      await stage.forget();
      await reader.refresh();
      assert.equal(reader.current().record, undefined);
    });

    // Last: Redis forgets everything with its process.
    test('while the store is away the last record holds, older and older, and is heard of again afterwards', async (t) => {
      let unreadable = 0;
      await stage.queues.direct(TARGET, directiveWith());
      const reader = await read(t, {
        cacheMs: 100,
        timeoutMs: 2_000,
        onEvent: () => {
          unreadable += 1;
          throw new Error('a sink that fails');
        },
      });
      const { record } = reader.current();
      assert.ok(record);
      await stage.kill();
      await until(() => unreadable >= 2, { withinMs: 30_000, what: 'two reads that failed' });
      const { record: kept, readable, ageMs } = reader.current();
      assert.deepEqual([kept, readable, ageMs > 0], [record, false, true]);
      await assert.rejects(stage.queues.direct(TARGET, directiveWith()), { name: 'ProviderError', kind: 'transient' });
      await stage.start();
      await until(() => reader.current().readable, { withinMs: 30_000, what: 'the store to be read again' });
      await stage.queues.direct(TARGET, directiveWith({ sequence: 5 }));
      await until(() => reader.current().record?.sequence === 5, { withinMs: 30_000, what: 'the next record' });
    });
  });
