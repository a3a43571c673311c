/** Buckets (A17): nobody bounces while a weight rises, and a weight takes its share. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { bucketOf as edgeBucketOf } from '../../../src/dataplane/edge/buckets.js';
import { bucketOf, isTaken } from '../../../src/guard/pins/bucket.js';

const who = fc.record({ service: fc.string(), release: fc.string(), user: fc.string() });
const weight = fc.integer({ min: 0, max: 10_000 });

test('whom a weight takes, every higher weight takes; 0 takes nobody, 10,000 everybody', () => {
  fc.assert(
    fc.property(who, weight, weight, (user, one, other) => {
      const bucket = bucketOf(user);
      assert.ok(Number.isInteger(bucket) && bucket >= 0 && bucket < 10_000);
      const [lower, higher] = [Math.min(one, other), Math.max(one, other)];
      if (isTaken(bucket, lower)) assert.ok(isTaken(bucket, higher));
      assert.deepEqual([isTaken(bucket, 0), isTaken(bucket, 10_000)], [false, true]);
    }),
    { numRuns: 20_000 },
  );
});

test('the edge in front of a service puts a user into the same bucket', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z-]{1,20}$/), fc.stringMatching(/^[\w.-]{1,20}$/), fc.uuid(), (service, release, user) => {
      assert.equal(bucketOf({ service, release, user }), edgeBucketOf(service, `${release}~0a1b2c3d`, user));
    }),
  );
});

test('shares are exact within chance: 200,000 random users, at every weight of the ladder', () => {
  const users = 200_000;
  const buckets = Array.from({ length: users }, () => bucketOf({ service: 's', release: 'r', user: randomUUID() }));
  for (const weightBp of [100, 500, 2_500, 5_000, 9_900]) {
    const share = weightBp / 10_000;
    const taken = buckets.filter((bucket) => isTaken(bucket, weightBp)).length;
    // Six standard deviations: one run in 500 million fails for nothing.
    const bound = 6 * Math.sqrt(users * share * (1 - share));
    assert.ok(Math.abs(taken - users * share) < bound, `${String(weightBp)} bp took ${String(taken)} of ${String(users)}`);
  }
});

test('the users of one release are not those of the next', () => {
  const users = Array.from({ length: 20_000 }, () => randomUUID());
  const taken = (release: string) => (user: string) => isTaken(bucketOf({ service: 's', release, user }), 1_000);
  const both = users.filter(taken('r1')).filter(taken('r2')).length;
  // A tenth of a tenth, within six standard deviations.
  assert.ok(Math.abs(both - 200) < 6 * Math.sqrt(200), `${String(both)} of 20,000 are in both tenths`);
});
