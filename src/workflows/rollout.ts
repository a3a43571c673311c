/**
 * The rollout: a small interpreter that makes happen what `decide` wants and tells `evolve` what happened. It holds no
 * judgement of its own; continue-as-new carries one value.
 */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  setCurrentDetails,
  sleep,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import { MEMO, SEARCH_ATTRIBUTES } from '../contract/names.js';
import type { RolloutInput } from '../contract/rollout.js';
import { decide, type Wake } from '../domain/decide.js';
import { detailsOf } from '../domain/details.js';
import type { Effect, RolloutEvent } from '../domain/effects.js';
import { evolve } from '../domain/evolve.js';
import { headlineOf } from '../domain/headline.js';
import type { Outcome } from '../domain/outcome.js';
import { answerTo } from '../domain/receiving.js';
import { initialState, type Origin, resumedState, type RolloutState } from '../domain/state.js';
import { weightOf } from '../domain/telling.js';
import { perform } from './effects.js';
import { listen } from './messages.js';
import { statusOf } from './status.js';
import { timerSummary } from './summaries.js';

const PHASE = defineSearchAttributeKey(SEARCH_ATTRIBUTES.phase, 'KEYWORD');
const WEIGHT = defineSearchAttributeKey(SEARCH_ATTRIBUTES.weight, 'INT');
const OUTCOME = defineSearchAttributeKey(SEARCH_ATTRIBUTES.outcome, 'KEYWORD');

export async function rollout(input: RolloutInput): Promise<Outcome> {
  // A cancelled root scope would kill later drains and timers: cancellation is an event, and the whole rollout outlives it.
  const interpreter = new Interpreter(input);
  CancellationScope.current().cancelRequested.catch(() => {
    interpreter.push({ kind: 'cancel-requested', at: Date.now() });
  });
  return CancellationScope.nonCancellable(() => interpreter.run());
}

class Interpreter {
  private state: RolloutState;
  private readonly inbox: RolloutEvent[] = [];
  private readonly running = new Map<string, CancellationScope>();
  /** Everything started and not settled yet, the cancelled included. */
  private unsettled = 0;
  private timer: { readonly at: number; readonly scope: CancellationScope } | undefined;
  private shown = '';

  constructor(private readonly input: RolloutInput) {
    const { workflowId, firstExecutionRunId, startTime } = workflowInfo();
    const { plan, starter } = input;
    const at = startTime.getTime();
    const origin: Origin = { owner: workflowId, seed: firstExecutionRunId, starter, steps: plan.steps.length, at };
    this.state = input.resumed === undefined ? initialState(origin) : resumedState(origin, input.resumed);
    listen({
      push: (event) => {
        this.push(event);
      },
      answerTo: (requestId) => answerTo(this.state, requestId),
      status: () => statusOf(plan, this.state, Date.now()),
    });
  }

  push(event: RolloutEvent): void {
    this.inbox.push(event);
  }

  async run(): Promise<Outcome> {
    const { plan } = this.input;
    for (;;) {
      this.digest();
      const decision = decide(plan, this.state, Date.now());
      this.show();
      if (decision.kind === 'finish') {
        if (this.isSettled()) return decision.outcome;
        await this.settleAll();
        continue;
      }
      if (this.historyIsLong()) await this.continueAsNew();
      this.reconcile(decision.effects);
      this.wakeAt(decision.wake);
      await condition(() => this.inbox.length > 0);
    }
  }

  private digest(): void {
    for (let event = this.inbox.shift(); event !== undefined; event = this.inbox.shift())
      this.state = evolve(this.input.plan, this.state, event);
  }

  /** Start what is wanted and does not run, cancel what runs and is not wanted, leave the rest. */
  private reconcile(wanted: readonly Effect[]): void {
    const ids = new Set(wanted.map((effect) => effect.id));
    for (const [id, scope] of this.running) {
      if (ids.has(id)) continue;
      this.running.delete(id);
      scope.cancel();
    }
    for (const effect of wanted) if (!this.running.has(effect.id)) this.start(effect);
  }

  private start(effect: Effect): void {
    const scope = new CancellationScope({ cancellable: true });
    this.running.set(effect.id, scope);
    this.unsettled += 1;
    void scope
      .run(() => perform(this.input.plan, effect))
      .then((result) => {
        this.unsettled -= 1;
        if (this.running.get(effect.id) === scope) this.running.delete(effect.id);
        this.push({ kind: 'settled', effect: effect.id, result, at: Date.now() });
      });
  }

  private wakeAt(wake: Wake): void {
    if (wake.kind === 'at' && wake.at === this.timer?.at) return;
    this.timer?.scope.cancel();
    this.timer = undefined;
    if (wake.kind === 'never') return;
    const scope = new CancellationScope({ cancellable: true });
    this.timer = { at: wake.at, scope };
    const summary = timerSummary(this.input.plan, this.state.phase, wake.at);
    scope
      .run(() => sleep(Math.max(1, wake.at - Date.now()), { summary }))
      .then(
        () => {
          this.push({ kind: 'woke', at: Date.now() });
        },
        () => undefined,
      );
  }

  /** Memo and search attributes cost an event each: only when the headline changes. The details cost none. */
  private show(): void {
    const { plan } = this.input;
    const { phase } = this.state;
    setCurrentDetails(detailsOf(plan, this.state, Date.now()));
    const headline = headlineOf(plan, this.state);
    // The outcome must be searchable even where the last headline already said it.
    const shown = phase.kind === 'closed' ? `${phase.outcome}: ${headline}` : headline;
    if (shown === this.shown) return;
    this.shown = shown;
    upsertMemo({ [MEMO.headline]: headline });
    upsertSearchAttributes([
      { key: PHASE, value: phase.kind },
      { key: WEIGHT, value: weightOf(plan, phase) },
      ...(phase.kind === 'closed' ? [{ key: OUTCOME, value: phase.outcome }] : []),
    ]);
  }

  /** Until nothing runs, nobody waits for an answer, and every event has been told to `evolve` (I12). */
  private async settleAll(): Promise<void> {
    while (!this.isSettled()) {
      await condition(() => this.inbox.length > 0 || (this.unsettled === 0 && allHandlersFinished()));
      this.digest();
    }
  }

  private isSettled(): boolean {
    return this.unsettled === 0 && allHandlersFinished() && this.inbox.length === 0;
  }

  private historyIsLong(): boolean {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    const { kind } = this.state.phase;
    if (kind === 'rolling-back' || kind === 'finalising' || kind === 'closed') return false;
    return continueAsNewSuggested || historyLength > (this.input.continueAfterEvents ?? Infinity);
  }

  /** Interrupts what runs, keeps what it says, and goes on in a new run with one value. */
  private async continueAsNew(): Promise<void> {
    this.reconcile([]);
    this.wakeAt({ kind: 'never' });
    await this.settleAll();
    await continueAsNew<(input: RolloutInput) => Promise<Outcome>>({ ...this.input, resumed: this.state });
  }
}
