/**
 * A pure world around `decide` and `evolve`: it keeps the set of running effects as the interpreter does, settles them as the
 * test says, and records every route that a router would have been told.
 */
import type { Effect, EffectResult, Ground, SuperviseResult } from '../../src/domain/effects.js';
import { decide, type Decision } from '../../src/domain/decide.js';
import { evolve } from '../../src/domain/evolve.js';
import type { Message, MessageKind } from '../../src/domain/messages.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import type { StickinessCounts } from '../../src/domain/reading.js';
import { initialState, type RolloutState } from '../../src/domain/state.js';
import type { StickyBy } from '../../src/domain/words.js';
import type { GateVerdict, Judgement, Verdict } from '../../src/domain/verdict.js';

export const GROUND: Ground = {
  stable: { id: 'blue', release: '1a2b3c', slot: 'blue' },
  epoch: 7,
  capabilities: {
    stepBp: 1,
    split: 'hash',
    fencing: 'revocation',
    lease: true,
    pin: 'header',
    pinMiss: 'fails',
    sticky: 'key-hash',
    stickyBy: ['user', 'cookie', 'header'],
    drain: 'counted',
    streamsSurvive: true,
    echo: true,
    replicas: 1,
    propagationBoundS: 0,
  },
  stableUnits: 3,
  gatesInForce: ['errors'],
  gatesNotJudged: [],
  warnings: [],
};

export function verdictOf(verdict: Verdict, over: Partial<GateVerdict> = {}): GateVerdict {
  const reason = ({ pass: 'certified', fail: 'worse', inconclusive: 'uncertain', blind: 'stale' } as const)[verdict];
  return { gate: 'errors', verdict, reason, decisive: true, gross: false, figures: {}, sentence: `errors ${verdict}`, ...over };
}

export function judged(verdict: Verdict, soakedMs: number, over: Partial<GateVerdict> = {}): Judgement {
  return { at: 0, verdict, gates: [verdictOf(verdict, over)], soakedMs };
}

export function supervision(
  kind: Exclude<SuperviseResult['kind'], 'lapsed' | 'foreign' | 'schema-mismatch' | 'unsticky'>,
  verdict: Verdict,
  over: Partial<SuperviseResult> = {},
  gate: Partial<GateVerdict> = {},
): EffectResult {
  const result = {
    kind,
    evidence: 1,
    cursors: { prom: 1 },
    judgement: judged(verdict, 600_000, gate),
    condition: 'judging' as const,
    ...over,
  } as SuperviseResult;
  return { kind: 'supervised', result };
}

/** Users were seen to leave, whatever the verdict beside it. */
export function usersLeft(seen: StickinessCounts, verdict: Verdict = 'inconclusive'): EffectResult {
  const judgement = judged(verdict, 60_000);
  return {
    kind: 'supervised',
    result: { kind: 'unsticky', seen, evidence: 1, cursors: { prom: 1 }, condition: 'judging', judgement },
  };
}

export interface RouteWrite {
  readonly ramp: string;
  readonly sequence: number;
  readonly bp: number;
  readonly stickyBy: StickyBy;
  readonly why: Effect['kind'];
}

export class World {
  state: RolloutState;
  now = 1_000_000;
  readonly running = new Map<string, Effect>();
  /** Effects that the last reconciliation cancelled; supervisions among them still settle. */
  readonly cancelled = new Map<string, Effect>();
  readonly routes: RouteWrite[] = [];
  started = 0;

  constructor(readonly plan: RolloutPlan) {
    this.state = initialState({
      owner: 'rollout/production/answer-api',
      seed: 'run-1',
      starter: { name: 'ci', verified: false },
      steps: plan.steps.length,
      at: this.now,
    });
    this.reconcile();
  }

  get decision(): Decision {
    return decide(this.plan, this.state, this.now);
  }

  get phase(): RolloutState['phase']['kind'] {
    return this.state.phase.kind;
  }

  effect<K extends Effect['kind']>(kind: K): Extract<Effect, { kind: K }> | undefined {
    return [...this.running.values()].find((effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind);
  }

  settle(kind: Effect['kind'], result: EffectResult): this {
    const effect = this.effect(kind);
    if (effect === undefined)
      throw new Error(`no effect "${kind}" runs; running: ${[...this.running.keys()].join(', ')}; phase ${this.phase}`);
    return this.settleById(effect.id, result);
  }

  settleById(id: string, result: EffectResult): this {
    this.apply(this.running.get(id) ?? this.cancelled.get(id), result);
    this.running.delete(id);
    this.cancelled.delete(id);
    this.state = evolve(this.plan, this.state, { kind: 'settled', effect: id, result, at: this.now });
    this.reconcile();
    return this;
  }

  send(kind: MessageKind, over: Partial<Message> = {}): this {
    const message: Message = {
      kind,
      by: { name: 'ann', verified: false },
      reason: 'because',
      requestId: `${kind}-${this.now}-${this.state.ledger.answers.length}`,
      ...over,
    };
    this.state = evolve(this.plan, this.state, { kind: 'message', message, at: this.now });
    this.reconcile();
    return this;
  }

  /** How the last message was answered. */
  answered(): 'accepted' | 'refused' | undefined {
    return this.state.ledger.answers.at(-1)?.answer.kind;
  }

  cancel(): this {
    this.state = evolve(this.plan, this.state, { kind: 'cancel-requested', at: this.now });
    this.reconcile();
    return this;
  }

  pass(ms: number): this {
    this.now += ms;
    this.state = evolve(this.plan, this.state, { kind: 'woke', at: this.now });
    this.reconcile();
    return this;
  }

  /** Everything before the first user, as it goes when all is well. */
  untilFirstStep(): this {
    this.settle('preflight', { kind: 'preflight', ground: GROUND }).settle('open-ramp', { kind: 'done' });
    if (this.effect('ensure-capacity')) this.settle('ensure-capacity', { kind: 'done' });
    this.settle('warm-up', { kind: 'done' }).settle('probe', {
      kind: 'probed',
      outcome: { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 },
    });
    return this.raise();
  }

  /** Capacity and shift, as they go when all is well. */
  raise(): this {
    if (this.effect('ensure-capacity')) this.settle('ensure-capacity', { kind: 'done' });
    return this.settle('shift', { kind: 'done' });
  }

  passStep(): this {
    return this.settle('supervise', supervision('passed', 'pass'));
  }

  untilStep(step: number): this {
    this.untilFirstStep();
    for (let at = 0; at < step; at += 1) this.passStep().raise();
    return this;
  }

  private apply(effect: Effect | undefined, result: EffectResult): void {
    if (result.kind !== 'done' || effect === undefined || !('intent' in effect)) return;
    this.routes.push({
      ramp: effect.intent.ramp.id,
      sequence: effect.intent.sequence,
      bp: effect.intent.candidateBp,
      stickyBy: effect.intent.stickyBy ?? 'user',
      why: effect.kind,
    });
  }

  private reconcile(): void {
    const { decision } = this;
    const wanted = decision.kind === 'run' ? decision.effects : [];
    const ids = new Set(wanted.map((effect) => effect.id));
    for (const [id, effect] of this.running) {
      if (ids.has(id)) continue;
      this.running.delete(id);
      this.cancelled.set(id, effect);
    }
    for (const effect of wanted) {
      if (this.running.has(effect.id)) continue;
      this.running.set(effect.id, effect);
      this.started += 1;
    }
  }
}
