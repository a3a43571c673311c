/** Random event histories: whatever may happen to a rollout, in any order, while time goes on. */
import fc from 'fast-check';
import type { Effect, EffectResult } from '../../src/domain/effects.js';
import { MESSAGE_KINDS } from '../../src/domain/messages.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { planWith } from './plans.js';
import type { World } from './world.js';
import { GROUND, supervision, usersLeft } from './world.js';

const OUTCOME = { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 };
const DIFFERENCE = { stable: { schemaRev: 1 }, candidate: { schemaRev: 2 }, text: 'differs' };

const GOOD = 0.85;

/** `luck` from 0 to 1: mostly the good result, sometimes each of the others. */
function resultFor(effect: Effect, luck: number): EffectResult {
  if (luck > 0.995 && effect.kind !== 'roll-back') return { kind: 'failed', error: 'broken' };
  const pick = <T>(good: T, ...bad: readonly T[]): T =>
    luck < GOOD ? good : (bad[Math.floor(((luck - GOOD) / (1 - GOOD)) * bad.length)] ?? good);
  switch (effect.kind) {
    case 'preflight':
      return pick<EffectResult>({ kind: 'preflight', ground: GROUND }, { kind: 'refused', reasons: ['no'] });
    case 'probe':
      return pick<EffectResult>(
        { kind: 'probed', outcome: OUTCOME },
        { kind: 'probed', outcome: { ...OUTCOME, serverErrors: 5 } },
        { kind: 'schema-mismatch', difference: DIFFERENCE },
      );
    case 'warm-up':
      return pick<EffectResult>({ kind: 'done' }, { kind: 'not-warm', failing: ['model'] });
    case 'ensure-capacity':
      return pick<EffectResult>({ kind: 'done' }, { kind: 'capacity-failed', reason: 'quota' });
    case 'shift':
    case 'open-ramp':
      return pick<EffectResult>({ kind: 'done' }, { kind: 'superseded', by: 'another ramp' });
    case 'verify':
      return pick<EffectResult>({ kind: 'verified', failures: [] }, { kind: 'verified', failures: ['slow'] });
    case 'drain':
      return pick<EffectResult>({ kind: 'drained', activeAtCeiling: 0 }, { kind: 'drained', activeAtCeiling: 2 });
    case 'verify-drain':
      return { kind: 'drain-verified', findings: [] };
    case 'supervise':
      return pick(
        supervision('passed', 'pass'),
        supervision('failed', 'fail'),
        supervision('failed', 'fail', {}, { gross: true }),
        supervision('bucket-ended', 'inconclusive'),
        supervision('changed', 'blind', { condition: 'blind' }),
        supervision('changed', 'blind', { condition: 'idle' }),
        supervision('changed', 'inconclusive', { condition: 'inconclusive' }),
        { kind: 'supervised', result: { kind: 'lapsed', forMs: 1, evidence: 1, cursors: {}, condition: 'judging' } },
        { kind: 'supervised', result: { kind: 'foreign', owner: 'somebody', evidence: 1, cursors: {}, condition: 'foreign' } },
        {
          kind: 'supervised',
          result: { kind: 'schema-mismatch', difference: DIFFERENCE, evidence: 1, cursors: {}, condition: 'judging' },
        },
      );
    default:
      return { kind: 'done' };
  }
}

export type Act =
  | { readonly act: 'settle'; readonly which: number; readonly luck: number }
  | { readonly act: 'settle-cancelled'; readonly which: number; readonly verdict: 'pass' | 'fail' | 'inconclusive' }
  | { readonly act: 'users-leave'; readonly verdict: 'pass' | 'inconclusive' }
  | { readonly act: 'message'; readonly kind: number; readonly by: number }
  | { readonly act: 'cancel' }
  | { readonly act: 'wait'; readonly ms: number };

/** Aborts are rare, or few histories would see more than the first steps. */
const MESSAGE = fc.oneof(
  ...MESSAGE_KINDS.map((kind, index) => ({ weight: kind === 'abort' ? 1 : 5, arbitrary: fc.constant(index) })),
);

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      act: fc.constant('settle' as const),
      which: fc.nat(6),
      luck: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('settle-cancelled' as const),
      which: fc.nat(6),
      verdict: fc.constantFrom('pass' as const, 'fail' as const, 'inconclusive' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      act: fc.constant('users-leave' as const),
      verdict: fc.constantFrom('pass' as const, 'inconclusive' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('message' as const), kind: MESSAGE, by: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 600_000, 3_600_000, 90_000_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Act[]>(
      { act: 'cancel' },
      ...Array.from({ length: 7 }, () => ({ act: 'wait', ms: 1_000 }) as const),
    ),
  },
);

export const plans: fc.Arbitrary<RolloutPlan> = fc
  .record({
    approvals: fc.constantFrom(
      [],
      [{ beforeStep: 2, count: 1, approvers: ['ann'], notTheStarter: true }],
      [{ beforeStep: 0, count: 2, approvers: [], notTheStarter: false }],
    ),
    idleThen: fc.constantFrom('hold' as const, 'accept-on-probes' as const, 'roll-back' as const),
    connections: fc.constantFrom(
      { router: 'r', metrics: ['m'], notify: [] },
      { router: 'r', metrics: ['m'], capacity: 'c', queues: 'q', notify: ['n'] },
    ),
    changeWindows: fc.constantFrom([], [{ fromMinute: 0, toMinute: 5_000 }]),
    sticky: fc.constantFrom<Pick<RolloutPlan, 'sticky' | 'stickyBy'>[]>(
      { sticky: false },
      { sticky: true },
      { sticky: true, stickyBy: ['user', 'cookie', 'header'] },
    ),
  })
  .map(({ sticky, ...others }) => planWith({ ...others, ...sticky }));

export const histories = fc.tuple(plans, fc.array(act, { minLength: 10, maxLength: 140, size: 'max' }));

const SENDERS = ['ann', 'bob', 'ci'] as const;

export function perform(world: World, step: Act): void {
  switch (step.act) {
    case 'settle': {
      const effects = [...world.running.values()];
      const effect = effects[step.which % Math.max(1, effects.length)];
      if (effect) world.settleById(effect.id, resultFor(effect, step.luck));
      return;
    }
    case 'settle-cancelled': {
      const cancelled = [...world.cancelled.values()];
      const effect = cancelled[step.which % Math.max(1, cancelled.length)];
      if (effect)
        world.settleById(
          effect.id,
          effect.kind === 'supervise'
            ? supervision(step.verdict === 'fail' ? 'failed' : 'interrupted', step.verdict)
            : { kind: 'interrupted' },
        );
      return;
    }
    case 'users-leave':
      if (world.effect('supervise')?.stickyBy !== undefined)
        world.settle('supervise', usersLeft({ returns: 100, violations: 20 }, step.verdict));
      return;
    case 'message':
      world.send(MESSAGE_KINDS[step.kind] ?? 'pause', {
        by: { name: SENDERS[step.by] ?? 'ann', verified: false },
        ...(MESSAGE_KINDS[step.kind] === 'abort' && step.by === 2 ? { supersededBy: 'next' } : {}),
      });
      return;
    case 'cancel':
      world.cancel();
      return;
    case 'wait':
      world.pass(step.ms);
  }
}
