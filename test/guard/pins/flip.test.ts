/**
 * The flip (R36): writers of two schemas at work while the traffic moves from one revision to the other. No vector may reach an
 * index that it was not made for, and none may be written twice.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { SchemaPins } from '../../../src/domain/words.js';
import type { RevisionTarget } from '../../../src/guard/pins/admit.js';
import { retryingFetch } from '../../../src/guard/retry/retrying-fetch.js';
import { bench } from '../support.js';
import { FRAMEWORKS, PINS, startRevision, type Revision, type Served } from './support.js';

const OLD = PINS;
const NEW: SchemaPins = { schemaRev: 8, indexHash: 'index-b', modelTag: 'model-1' };
const WRITES = 200;

const opened: Served[] = [];
afterEach(async () => {
  for (const { stop } of opened.splice(0)) await stop();
});

for (const [name, framework] of Object.entries(FRAMEWORKS)) {
  for (const isKnown of [true, false]) {
    const known = isKnown ? 'each is carried to its own index' : 'without a record those for the other index are refused';
    test(`${name}: ${String(WRITES)} writes of mixed schema across a flip: ${known}`, { timeout: 120_000 }, async () => {
      // One store, as of one service: a key is known on both revisions.
      const shared = bench();
      const revisions = new Map<string, Revision>();
      const matching = (pins: SchemaPins): RevisionTarget | undefined => {
        const revision = pins.indexHash === OLD.indexHash ? 'blue' : 'green';
        return isKnown ? { revision, url: revisions.get(revision)?.url ?? '' } : undefined;
      };
      for (const [revision, pins] of [
        ['blue', OLD],
        ['green', NEW],
      ] as const) {
        const started = await startRevision(framework, { revision, pins, matching, bench: shared });
        revisions.set(revision, started);
        opened.push(started);
      }
      const { blue, green } = { blue: revisions.get('blue')!, green: revisions.get('green')! };

      const writers = {
        old: retryingFetch({ budgetMs: 60_000, pins: OLD }),
        new: retryingFetch({ budgetMs: 60_000, pins: NEW }),
      };
      const write = async (number: number): Promise<readonly [body: string, status: number]> => {
        const schema = number % 2 === 0 ? 'old' : 'new';
        // The weight rises from nobody to everybody; even and odd numbers meet both revisions.
        const at = ((number >> 1) * 7919) % (WRITES / 2) < number / 2 ? green : blue;
        const body = `${schema}-${String(number)}`;
        const send = async (): Promise<number> => {
          const headers = { 'content-type': 'text/plain', 'idempotency-key': body };
          return (await writers[schema](`${at.url}/vectors`, { method: 'POST', body, headers })).status;
        };
        const status = await send();
        // Delivered again: answered from the record, or refused once more.
        assert.equal(await send(), status);
        return [body, status];
      };
      const ends: (readonly [string, number])[] = [];
      for (let number = 0; number < WRITES; number += 10)
        ends.push(...(await Promise.all(Array.from({ length: 10 }, (_, index) => write(number + index)))));

      assert.deepEqual(
        blue.written.filter((body) => !body.startsWith('old-')),
        [],
        'the old index got vectors of the new schema',
      );
      assert.deepEqual(
        green.written.filter((body) => !body.startsWith('new-')),
        [],
        'the new index got vectors of the old schema',
      );
      const all = [...blue.written, ...green.written];
      assert.equal(new Set(all).size, all.length, 'a vector was written twice');
      const refused = ends.filter(([, status]) => status === 412);
      assert.equal(all.length + refused.length, WRITES);
      assert.ok(isKnown ? refused.length === 0 : refused.length > WRITES / 4, `${String(refused.length)} were refused`);
      // A refusal claims nothing: each vector that was written has its two claims, the second of which found the record.
      assert.equal(shared.store.calls.filter((call) => call === 'claim').length, 2 * all.length);
    });
  }
}
