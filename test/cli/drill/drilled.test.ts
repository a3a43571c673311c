import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWithin, type Drilled } from '../../../src/cli/drill/drilled.js';
import { boundOf, FAULTS } from '../../../src/cli/drill/faults.js';
import { drillLines } from '../../../src/cli/render/drill.js';
import { planWith } from '../../domain/plans.js';

const plan = planWith();
const bound = { by: 'lease', withinMs: 31_000 };

test('the bounds are those of the plan: its gates within soak.max, its limit, its lease, its bucket', () => {
  assert.deepEqual(
    FAULTS.map((fault) => boundOf(fault, plan, 3_000)),
    [
      { by: 'gate', withinMs: 3_600_000 },
      { by: 'limits.blind', withinMs: 600_000 + 20_000 + 35_000 },
      { by: 'lease', withinMs: 31_000 },
      { by: 'bucket + lease', withinMs: 331_000 },
      { by: 'lease', withinMs: 31_000 },
    ],
  );
});

test('only users who are back within the bound are well; a fault that cannot be played here is no fault', () => {
  const drills: readonly Drilled[] = [
    { fault: 'worker-dead', kind: 'back', bound, tookMs: 31_040, seenOutMs: 31_000, lease: 'lapsed' },
    { fault: 'worker-dead', kind: 'back', bound, tookMs: 31_040, seenOutMs: 31_001, lease: 'lapsed' },
    { fault: 'errors', kind: 'still-out', bound, lookedMs: 46_000, weightBp: 2_500 },
    { fault: 'temporal-dead', kind: 'unprotected', bound },
    { fault: 'router-down', kind: 'not-played', bound, why: 'it runs commands' },
  ];
  assert.deepEqual(drills.map(isWithin), [true, false, false, false, true]);
  assert.deepEqual(drillLines({ plan, drills, users: { requests: 4_000, failed: 0 } }), [
    'fault          time to 0 %  bound  bound by',
    'worker-dead    31.0 s       31 s   lease     within: the lease lapsed',
    'worker-dead    31.0 s       31 s   lease     LATE: the lease lapsed',
    'errors         > 46.0 s     31 s   lease     STILL AT 25 %: the drill revoked its ramp; with more users (--rps) a gate sees more',
    'temporal-dead  –            –      lease     UNPROTECTED: the router holds no lease; nothing was broken',
    'router-down    –            31 s   lease     not played: it runs commands',
    '',
    "4000 requests of the drill's own users, 0 failed",
  ]);
  assert.deepEqual(drillLines({ plan, drills: [], users: { requests: 4_000, failed: 1, failure: 'answered 503' } }).slice(-1), [
    "4000 requests of the drill's own users, 1 failed, the last one: answered 503",
  ]);
});
