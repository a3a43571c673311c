import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultPayloadConverter } from '@temporalio/common';
import { liveOf } from '../../src/client/live.js';
import type { Judgement } from '../../src/domain/verdict.js';

const judgement: Judgement = { at: 1, verdict: 'pass', soakedMs: 5_000, gates: [] };
const ramp = { id: 'r~1', epoch: 1, owner: 'me' };

const beat = (bucket: string, seconds: number, details: unknown = { bucket, judgement }) => ({
  activityType: { name: 'superviseRamp' },
  heartbeatDetails: { payloads: [defaultPayloadConverter.toPayload(details)] },
  lastHeartbeatTime: { seconds: { toString: () => String(seconds) }, nanos: 0 },
});

const live = (...pendingActivities: readonly object[]) =>
  liveOf({ raw: { pendingActivities } } as unknown as Parameters<typeof liveOf>[0], { ramp, step: 2 });

test('the verdict of the step before is not shown as this step’s, though its lease counts', () => {
  assert.deepEqual(live(beat('r~1/0/4', 7)), { heartbeatAt: 7_000 });
  assert.deepEqual(live(beat('r~1/0/4', 7), beat('r~1/1/0', 9)), { heartbeatAt: 9_000, judgement });
});

test('a verdict of another ramp, or one that cannot be read, is none', () => {
  assert.deepEqual(
    [live(beat('r~0/1/0', 7)), live(beat('r~1/1/0', 7, 'text')), live(beat('r~1/1/0', 7, { bucket: 'r~1/1/0', judgement: {} }))],
    [{ heartbeatAt: 7_000 }, { heartbeatAt: 7_000 }, { heartbeatAt: 7_000 }],
  );
  assert.deepEqual(live({ activityType: { name: 'waitForDrain' } }), {});
});
