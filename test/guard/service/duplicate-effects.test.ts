/** What the guard can see of effects that came twice (R21): it fails a rollout at once, so that it must not be said lightly. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, gate, outcome, spec } from '../support.js';

for (const [onLost, expected] of [
  ['reexecute', 1],
  // The successor was refused and did nothing.
  ['reject', 0],
] as const)
  test(`an attempt that ends after its successor, where a lost one is followed by ${onLost}, counts ${expected} duplicate effects`, async () => {
    const { guard, pass, kinds } = bench();
    const slow = gate();
    const stale = guard.run(spec({ leaseMs: 1_000_000, onLost }), async () => {
      await slow.opened;
      return outcome(201, 'stale');
    });
    pass(1_000_001);
    await guard.run(spec({ onLost }), () => outcome(201, 'successor'));
    slow.open();
    assert.deepEqual(await stale, { kind: 'refused', refusal: { kind: 'superseded' } });
    assert.equal(kinds().filter((kind) => kind === 'duplicate-effect').length, expected);
  });

test('a replay, a refusal and a takeover of an attempt that died are no duplicate effects', async () => {
  const { guard, kinds } = bench();
  await guard.run(spec(), () => outcome(500));
  await guard.run(spec({ onLost: 'reexecute' }), () => outcome());
  await guard.run(spec(), () => outcome());
  assert.deepEqual(kinds(), ['executed', 'takeover', 'replayed']);
});
