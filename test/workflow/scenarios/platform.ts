/** What the platform does to a rollout: routers, capacity, leases, workers. */
import assert from 'node:assert/strict';
import { judged } from '../../domain/world.js';
import type { Scenario } from './scenario.js';
import type { ActivityName } from '../scripted.js';
import { rehearsal } from '../bench.js';
import { inPhase, seen, tell } from './messages.js';
import { breaking, failing, healthy, held, holding, lapsed, SCHEMA_DIFFERENCE, SHORT, unreachable } from './scripts.js';

const ROLLED_BACK = { outcome: 'rolled-back', plan: SHORT, activities: { rollBack: 1, finalise: 0 } } as const;
const { connections } = rehearsal('any');
const TOO_MANY = Number.POSITIVE_INFINITY;

const lapses = (name: string, times: number, forMs: number, over: Omit<Scenario, 'name' | 'script'>): Scenario => ({
  name,
  script: failing(2, times, lapsed(forMs)),
  ...over,
});

/** A worker says that it cannot, and that trying again is no use. */
const broken = (name: ActivityName, over: Partial<Scenario> = {}): Scenario => ({
  name: `broken-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  outcome: 'rolled-back',
  plan: SHORT,
  script: { before: breaking(name) },
  ...(over.outcome === undefined ? { cause: new RegExp(`${name} broke`) } : {}),
  ...over,
});

const ABORTED = {
  cause: /^aborted by ann: because$/,
  drive: async (rollout: Parameters<NonNullable<Scenario['drive']>>[0]) => {
    await inPhase(rollout, 'soaking');
    await tell(rollout, 'abort');
  },
};

export const PLATFORM: readonly Scenario[] = [
  {
    name: 'refused-by-preflight',
    outcome: 'refused',
    script: { activities: { preflight: () => Promise.resolve({ kind: 'refused', reasons: ['foreign route', 'no metrics'] }) } },
    cause: /^foreign route; no metrics$/,
    activities: { preflight: 1, openRamp: 0, rollBack: 0 },
  },
  {
    ...ROLLED_BACK,
    name: 'never-warm',
    script: { activities: { warmUp: () => Promise.resolve({ kind: 'not-warm', failing: ['model'] }) } },
    cause: /^the candidate did not get warm: model$/,
    activities: { probe: 0, shiftWeight: 0, rollBack: 1 },
  },
  {
    ...ROLLED_BACK,
    name: 'probes-answered-by-somebody-else',
    script: {
      activities: {
        probe: () =>
          Promise.resolve({ kind: 'probed', outcome: { judged: 0, serverErrors: 0, wrongRevision: 20, unanswered: 0 } }),
      },
    },
    cause: /^only 0 of 20 pinned probes were answered by the candidate \(20 by somebody else/,
    activities: { shiftWeight: 0, rollBack: 1 },
  },
  {
    name: 'schema-hold-then-retry',
    outcome: 'promoted',
    plan: SHORT,
    script: () => {
      let rounds = 0;
      return {
        activities: {
          probe: ({ probes }) => {
            rounds += 1;
            return Promise.resolve(
              rounds === 1
                ? { kind: 'schema-mismatch', difference: SCHEMA_DIFFERENCE }
                : { kind: 'probed', outcome: { judged: probes.count, serverErrors: 0, wrongRevision: 0, unanswered: 0 } },
            );
          },
        },
      };
    },
    drive: async (rollout) => {
      await inPhase(rollout, 'schema-held');
      await tell(rollout, 'retry');
    },
    timeline: [
      /^rollback: schema mismatch: SCHEMA_REV 7 against 8$/,
      /^held at 0 %: schema mismatch/,
      /^retry: a new ramp opens/,
      /^promoted: /,
    ],
    activities: { openRamp: 2, rollBack: 1 },
  },
  {
    name: 'schema-mismatch-under-traffic-to-the-limit-of-the-hold',
    outcome: 'rolled-back',
    plan: { ...SHORT, limits: { ...rehearsal('any').limits, schemaHoldMs: 1_000 } },
    script: failing(0, 1, {
      kind: 'schema-mismatch',
      difference: SCHEMA_DIFFERENCE,
      condition: 'judging',
      evidence: 1,
      cursors: {},
    }),
    cause: /^schema mismatch: SCHEMA_REV 7 against 8$/,
    timeline: [/^step 1 of 2/, /^rollback: schema/, /^held at 0 %/, /^the schema hold reached its limit$/],
    activities: { rollBack: 1, releaseCapacity: 1 },
  },
  {
    ...ROLLED_BACK,
    name: 'capacity-refused-before-the-warm-up',
    script: { activities: { ensureCapacity: () => Promise.resolve({ kind: 'capacity-failed', reason: 'quota of 3 units' }) } },
    cause: /^quota of 3 units$/,
    activities: { warmUp: 0, shiftWeight: 0, rollBack: 1 },
  },
  {
    ...ROLLED_BACK,
    name: 'capacity-refused-under-traffic',
    script: () => {
      let asked = 0;
      return {
        activities: {
          ensureCapacity: () => {
            asked += 1;
            return Promise.resolve(asked < 3 ? { kind: 'done' } : { kind: 'capacity-failed', reason: 'quota of 3 units' });
          },
        },
      };
    },
    cause: /^quota of 3 units$/,
    timeline: [/^step 1 passed$/, /^rollback: quota/, /^users are safe/],
    activities: { ensureCapacity: 3, shiftWeight: 1, rollBack: 1 },
  },
  {
    name: 'alarms-of-the-platform-are-told-and-taken-back',
    outcome: 'promoted',
    plan: SHORT,
    script: () => {
      let buckets = 0;
      return {
        supervise: (supervise) => {
          if (supervise.step !== 0 || buckets === 3) return healthy(supervise);
          buckets += 1;
          // What was told is told to the next bucket, which says what still holds.
          const alarms = [['no live servers', 'fewer units'], ['fewer units'], []][buckets - 1] ?? [];
          const known = [[], ['no live servers', 'fewer units'], ['fewer units']][buckets - 1] ?? [];
          assert.deepEqual(supervise.alarms ?? [], known);
          const sight = { condition: 'judging', evidence: 1, cursors: {}, judgement: judged('inconclusive', 1_000) } as const;
          return { kind: 'changed', ...sight, ...(alarms.length === 0 ? {} : { alarms }) };
        },
      };
    },
    timeline: [
      /^alarm: no live servers$/,
      /^alarm: fewer units$/,
      /^no longer: no live servers$/,
      /^no longer: fewer units$/,
      /^step 1 passed$/,
      /^promoted: /,
    ],
    activities: { openRamp: 1, rollBack: 0 },
  },
  lapses('lapsed-lease-then-a-new-ramp', 1, 1_000, {
    outcome: 'promoted',
    timeline: [
      /^step 3 of 5/,
      /^rollback: the router stopped serving the ramp/,
      /^ramp .* opens$/,
      /^step 3 of 5/,
      /^promoted: /,
    ],
    activities: { openRamp: 2, rollBack: 1, shiftWeight: 3 + 3 },
  }),
  lapses('long-lapse-starts-again-from-the-first-step', 1, 11 * 60_000, {
    outcome: 'promoted',
    timeline: [/^step 3 of 5/, /^rollback: the router stopped/, /^step 1 of 5/, /^step 2 of 5/, /^promoted: /],
    activities: { openRamp: 2, rollBack: 1, shiftWeight: 3 + 5 },
  }),
  lapses('third-lapse-ends', 3, 1_000, {
    outcome: 'rolled-back',
    cause: /^the router stopped serving the ramp/,
    never: [/^step 4/],
    activities: { openRamp: 3, rollBack: 3, shiftWeight: 5, releaseCapacity: 1 },
  }),
  {
    name: 'ramp-taken-over-before-the-shift',
    outcome: 'promoted',
    plan: SHORT,
    script: () => {
      let asked = 0;
      return {
        activities: {
          shiftWeight: () => {
            asked += 1;
            return Promise.resolve(asked === 1 ? { kind: 'superseded', by: 'a newer ramp' } : { kind: 'done' });
          },
        },
      };
    },
    timeline: [/^rollback: the router stopped serving/, /^ramp .* opens$/, /^promoted: /],
    activities: { openRamp: 2, shiftWeight: 3, rollBack: 1 },
  },
  {
    name: 'router-unreachable-for-the-shift',
    outcome: 'promoted',
    plan: SHORT,
    script: { before: unreachable('shiftWeight', 3) },
    never: [/rollback/],
    activities: { shiftWeight: 2, rollBack: 0 },
  },
  {
    ...ROLLED_BACK,
    name: 'router-unreachable-for-the-shift-then-abort',
    script: { before: unreachable('shiftWeight', TOO_MANY) },
    drive: async (rollout) => {
      await rollout.scripted.reached('shiftWeight', 3);
      await tell(rollout, 'abort');
    },
    cause: /^aborted by ann: because$/,
    never: [/^step 1/],
    activities: { shiftWeight: 1, rollBack: 1 },
  },
  {
    ...ROLLED_BACK,
    ...ABORTED,
    name: 'router-unreachable-for-the-rollback',
    script: {
      ...holding(0),
      before: (name, start) => {
        unreachable('revokeRamp', TOO_MANY)(name, start);
        unreachable('rollBack', 4)(name, start);
      },
    },
    timeline: [/^rollback: /, /^users are safe/],
    never: [/^the router has not confirmed/],
  },
  {
    ...ROLLED_BACK,
    name: 'router-unreachable-for-the-rollback-raises-an-alarm',
    plan: { ...SHORT, connections: { ...connections, notify: ['pager'] } },
    script: (play) => ({ ...holding(0), before: held('rollBack', 1, play) }),
    drive: async (rollout) => {
      await ABORTED.drive(rollout);
      await seen(rollout, 'the alarm', ({ timeline }) =>
        timeline.some(({ what }) => what.startsWith('the router has not confirmed')),
      );
      rollout.scripted.open();
    },
    cause: /^aborted by ann: because$/,
    timeline: [/^rollback: /, /^the router has not confirmed 0 % yet; still trying$/, /^users are safe/],
    // The alarm and "rolled back".
    activities: { notify: 2, rollBack: 1 },
  },
  {
    name: 'notifier-down-for-ever',
    outcome: 'promoted',
    plan: { ...SHORT, connections: { ...connections, notify: ['pager'] } },
    script: { before: unreachable('notify', TOO_MANY) },
    timeline: [/^step 1 passed$/, /^finalised/, /^promoted: /, /^a notice could not be sent: /],
    activities: { notify: 1, rollBack: 0 },
  },
  broken('preflight', { outcome: 'refused', cause: /^preflight broke$/, activities: { openRamp: 0 } }),
  broken('openRamp'),
  broken('warmUp'),
  broken('probe'),
  broken('ensureCapacity'),
  broken('shiftWeight'),
  broken('superviseRamp'),
  broken('revokeRamp', { ...ABORTED, script: { ...holding(0), before: breaking('revokeRamp') }, activities: { rollBack: 1 } }),
  broken('rollBack', {
    ...ABORTED,
    script: { ...holding(0), before: breaking('rollBack') },
    findings: [/^the router did not confirm 0 %: rollBack broke; its route was left alone$/],
  }),
  broken('verify', { timeline: [/^step 2 passed$/, /^rollback: verify broke$/], activities: { finalise: 0, rollBack: 1 } }),
  broken('finalise', { activities: { finalise: 1, rollBack: 1 } }),
  broken('waitForDrain', { outcome: 'promoted', findings: [/^the drain could not be watched: waitForDrain broke$/] }),
  broken('verifyDrain', { outcome: 'promoted', findings: [/^verifyDrain broke$/] }),
  broken('releaseCapacity', {
    ...ABORTED,
    script: { ...holding(0), before: breaking('releaseCapacity') },
    findings: [/^releaseCapacity broke$/],
  }),
  broken('controlQueues', {
    outcome: 'promoted',
    plan: { ...SHORT, connections: { ...connections, queues: 'guard' } },
    findings: [
      /^the queues could not be told that batch is paused/,
      /^the queues could not be told that batch is running/,
      /^the queues could not be told that the release is promoted/,
    ],
  }),
  broken('notify', {
    outcome: 'promoted',
    plan: { ...SHORT, connections: { ...connections, notify: ['pager'] } },
    timeline: [/^promoted: /, /^a notice could not be sent: notify broke$/],
  }),
];
