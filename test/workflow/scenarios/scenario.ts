/** A path, and what must be true of a rollout that took it: asked of the live one and of its recorded history alike. */
import assert from 'node:assert/strict';
import type { RolloutInput } from '../../../src/contract/rollout.js';
import type { Outcome, OutcomeKind } from '../../../src/domain/outcome.js';
import type { RolloutPlan } from '../../../src/domain/plan.js';
import type { Instant } from '../../../src/domain/words.js';
import { asRecord, decodePayloads, type WorkflowHistory } from '../../harness/workflow-history.js';
import type { Bench, Rollout } from '../bench.js';
import type { ActivityName, Play, Script } from '../scripted.js';

export interface Scenario {
  readonly name: string;
  readonly outcome: OutcomeKind;
  readonly script?: Script | ((play: Play) => Script);
  /** What differs from the rehearsal of `bench.ts`; `now` for what depends on the calendar. */
  readonly plan?: Partial<RolloutPlan> | ((now: Instant) => Partial<RolloutPlan>);
  readonly input?: Partial<RolloutInput>;
  /** What people do meanwhile. */
  readonly drive?: (rollout: Rollout, bench: Bench) => Promise<void>;
  readonly cause?: RegExp;
  /** Lines of the timeline in their order, others between them. */
  readonly timeline?: readonly RegExp[];
  /** Lines that must not be there. */
  readonly never?: readonly RegExp[];
  /** All findings in their order; none where absent. */
  readonly findings?: readonly RegExp[];
  /** How often activities were scheduled over all runs; those not named are free. */
  readonly activities?: Partial<Record<ActivityName, number>>;
  /** Absent: one run. */
  readonly runs?: 'several';
}

/** Throws where the rollout is not as the scenario says. `chain`: its runs, oldest first. */
export function check(scenario: Scenario, chain: readonly WorkflowHistory[]): void {
  const outcome = outcomeOf(chain);
  const activities = activitiesOf(chain);
  const said = outcome.timeline.map(({ what }) => what);
  const lines = `timeline:\n  ${said.join('\n  ')}`;
  assert.equal(outcome.outcome, scenario.outcome, lines);
  if (scenario.cause !== undefined) assert.match(outcome.cause, scenario.cause);
  let from = 0;
  for (const line of scenario.timeline ?? []) {
    const at = said.findIndex((what, index) => index >= from && line.test(what));
    assert.ok(at >= 0, `no line ${String(line)} after line ${from} of the ${lines}`);
    from = at + 1;
  }
  for (const line of scenario.never ?? [])
    assert.ok(!said.some((what) => line.test(what)), `a line ${String(line)} in the ${lines}`);
  const findings = scenario.findings ?? [];
  assert.equal(outcome.findings.length, findings.length, `findings: ${outcome.findings.join('; ')}`);
  for (const [index, finding] of findings.entries()) assert.match(outcome.findings[index] ?? '', finding);
  for (const [name, times] of Object.entries(scenario.activities ?? {}))
    assert.equal(activities.filter((known) => known === name).length, times, `${name} among ${activities.join(' ')}`);
  assert.equal(chain.length > 1, scenario.runs === 'several', `${chain.length} run(s)`);
  assert.equal(lastWrite(activities), routeOf(outcome.outcome, activities), 'the last write of the route is the outcome (I11)');
}

const ROUTE_WRITES: readonly string[] = ['openRamp', 'shiftWeight', 'rollBack', 'finalise'] satisfies ActivityName[];

const lastWrite = (activities: readonly string[]): string | undefined =>
  activities.findLast((name) => ROUTE_WRITES.includes(name));

function routeOf(outcome: OutcomeKind, activities: readonly string[]): string | undefined {
  if (outcome === 'promoted') return 'finalise';
  return activities.includes('openRamp') ? 'rollBack' : undefined;
}

function outcomeOf(chain: readonly WorkflowHistory[]): Outcome {
  const last = chain.at(-1)?.events.at(-1);
  assert.ok(last, 'a history without events');
  assert.equal(last.type, 'WORKFLOW_EXECUTION_COMPLETED');
  return decodePayloads(last.attributes['result'])[0] as Outcome;
}

/** Names in the order in which the rollout scheduled them. The local one, `revokeRamp`, is a marker and not among them. */
const activitiesOf = (chain: readonly WorkflowHistory[]): readonly string[] =>
  chain
    .flatMap(({ events }) => events)
    .filter(({ type }) => type === 'ACTIVITY_TASK_SCHEDULED')
    .map(({ attributes }) => String(asRecord(attributes['activityType'])['name']));
