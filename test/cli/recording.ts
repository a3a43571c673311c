/** Histories of simulated rollouts, as `temporal workflow show -o json` prints them: real evidence, without a server. */
import type { RolloutPlan } from '../../src/domain/plan.js';
import type { Outcome } from '../../src/domain/outcome.js';
import { stepPolicy } from '../../src/domain/step-policy.js';
import { combine, type Evidence, type Judgement } from '../../src/domain/verdict.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { randomFrom, readingsOf, type World } from '../judge/traffic.js';

export interface Recording {
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

const payloads = (value: unknown) => ({
  payloads: [
    {
      metadata: { encoding: Buffer.from('json/plain').toString('base64') },
      data: Buffer.from(JSON.stringify(value)).toString('base64'),
    },
  ],
});

class Writer {
  readonly events: Record<string, unknown>[] = [];

  write(type: string, name: string, attributes: object): string {
    const eventId = String(this.events.length + 1);
    const eventTime = new Date(Date.UTC(2026, 10, 24) + this.events.length * 1_000).toISOString();
    this.events.push({ eventId, eventTime, eventType: `EVENT_TYPE_${type}`, [`${name}EventAttributes`]: attributes });
    return eventId;
  }
}

export interface Recorded {
  /** Longest bucket, in milliseconds. */
  readonly bucketMs: number;
  /** The worker was lost at this tick of each step, and its last heartbeat is all that is left of the bucket's first half. */
  readonly lostAtTick?: number;
  /** Ends while the last step soaks. */
  readonly running?: boolean;
}

/** One ramp, from the first step to a failure or the promotion. */
export function record(plan: RolloutPlan, world: World, { bucketMs, lostAtTick, running = false }: Recorded): Recording {
  const history = new Writer();
  history.write('WORKFLOW_EXECUTION_STARTED', 'workflowExecutionStarted', {
    workflowType: { name: 'rollout' },
    input: payloads({ plan, starter: { name: 'ann', verified: false } }),
  });
  const random = randomFrom(1);
  const gatesInForce = plan.judge.gates.map(({ gate }) => gate);
  let previous: Evidence | undefined;
  for (const [step, { weightBp, soakMaxMs }] of plan.steps.entries()) {
    const policy = stepPolicy(plan, { entries: [] }, { gatesInForce }, step);
    const input = { where: {}, supervise: { ramp: { id: 'r~1' }, step, policy }, tickMs: plan.tickMs, leaseMs: 1 };
    const schedule = (): string =>
      history.write('ACTIVITY_TASK_SCHEDULED', 'activityTaskScheduled', {
        activityId: String(history.events.length),
        activityType: { name: 'superviseRamp' },
        input: payloads(input),
      });
    let evidence = openEvidence(policy, previous);
    let scheduledEventId = schedule();
    let ticks = 0;
    let verdict: Judgement['verdict'] = 'inconclusive';
    for (const reading of readingsOf(world, weightBp / 10_000, plan.tickMs, random)) {
      const judged = judge(policy, evidence, reading);
      ({ evidence } = judged);
      const soakedMs = ++ticks * plan.tickMs;
      verdict = combine(judged.verdicts);
      const seen = { evidence, judgement: { at: 0, verdict, gates: judged.verdicts, soakedMs } };
      if (ticks === lostAtTick) {
        const timeoutFailureInfo = { timeoutType: 'TIMEOUT_TYPE_HEARTBEAT', lastHeartbeatDetails: payloads(seen) };
        history.write('ACTIVITY_TASK_STARTED', 'activityTaskStarted', {
          scheduledEventId,
          lastFailure: { message: 'lost', timeoutFailureInfo },
        });
      }
      const isOver = verdict === 'pass' || verdict === 'fail' || soakedMs >= soakMaxMs;
      if (!isOver && soakedMs % bucketMs !== 0) continue;
      history.write('ACTIVITY_TASK_COMPLETED', 'activityTaskCompleted', { scheduledEventId, result: payloads(seen) });
      if (isOver) break;
      scheduledEventId = schedule();
    }
    previous = evidence;
    if (verdict === 'fail') return closed(history, 'rolled-back');
    if (verdict !== 'pass') return closed(history, 'rolled-back');
  }
  return running ? { events: history.events } : closed(history, 'promoted');
}

function closed(history: Writer, outcome: Outcome['outcome']): Recording {
  const result = payloads({ outcome, headline: outcome, timeline: [] });
  history.write('WORKFLOW_EXECUTION_COMPLETED', 'workflowExecutionCompleted', { result });
  return { events: history.events };
}
