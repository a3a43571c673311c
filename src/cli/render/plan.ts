import type { GatePolicy } from '../../domain/policy.js';
import type { ApprovalRule, RolloutPlan } from '../../domain/plan.js';
import { pinsOf } from '../../domain/stickiness.js';
import { percent } from '../../domain/telling.js';
import { formatDuration } from '../../spec/durations.js';
import { formatShare } from '../../spec/percent.js';
import { bar } from './bar.js';
import type { Outlook } from '../plan/outlook.js';
import { inWords } from './durations.js';
import { outlookLines } from './outlook.js';
import { table } from './table.js';

/** What a rollout would do, in the order in which it would do it. */
export function planLines(plan: RolloutPlan, warnings: readonly string[], outlook?: Outlook): readonly string[] {
  const {
    target,
    candidate,
    profile,
    connections: { router, metrics, capacity = 'none', queues = 'none', notify },
    judge,
  } = plan;
  return [
    `${target.service} ${target.environment}: ${candidate.release} → ${candidate.id}, profile ${profile}`,
    `router ${router} · metrics ${metrics.join(', ')} · capacity ${capacity} · queues ${queues} · notify ${notify.join(', ') || 'nobody'}`,
    '',
    ...table([['step', 'weight', '', 'soak', 'at most', 'before it'], ...plan.steps.map((_, index) => stepRow(plan, index))]),
    '',
    ...table([['gate', 'mode', 'tolerance', ''], ...judge.gates.map(gateRow)]),
    `false alarms: at most ${Number((judge.alpha * 100).toFixed(4))} % over the whole rollout; at least ${judge.minimumRequests} requests a side; a sample older than ${inWords(judge.staleMs)} is no data`,
    '',
    ...table(rules(plan)),
    ...(outlook === undefined ? [] : ['', ...outlookLines(outlook)]),
    ...(warnings.length === 0 ? [] : ['', ...warnings.map((warning) => `warning: ${warning}`)]),
  ];
}

function stepRow({ steps, approvals }: RolloutPlan, index: number): readonly string[] {
  const step = steps[index];
  if (step === undefined) return [];
  const last = index === steps.length - 1;
  const approval = approvals.filter(({ beforeStep }) => beforeStep === index).map(approvalInWords);
  return [
    `${index + 1}/${steps.length}`,
    percent(step.weightBp),
    bar(step.weightBp),
    `${formatDuration(step.soakMs)}${last ? ' (bake)' : ''}`,
    formatDuration(step.soakMaxMs),
    approval.join('; ') || '–',
  ];
}

function approvalInWords({ count, approvers, notTheStarter }: ApprovalRule): string {
  const who = approvers.length === 0 ? '' : ` of ${approvers.join(', ')}`;
  return `${count} approval${count === 1 ? '' : 's'}${who}${notTheStarter ? ', not the starter' : ''}`;
}

function gateRow({ gate, mode, tolerance, required, consecutive }: GatePolicy): readonly string[] {
  const remarks = [
    ...(mode === 'threshold' ? [`${consecutive} ticks in a row`] : []),
    required ? 'required' : 'where a source measures it',
  ];
  return [gate, mode, toleranceInWords({ gate, tolerance }), remarks.join(', ')];
}

/** As rollout.yaml writes it. */
function toleranceInWords({ gate, tolerance }: Pick<GatePolicy, 'gate' | 'tolerance'>): string {
  switch (gate) {
    case 'latency':
      return `${formatShare(tolerance - 1)} more`;
    case 'queue-age':
      return formatDuration(tolerance * 1_000);
    case 'drift':
      return String(tolerance);
    default:
      return formatShare(tolerance);
  }
}

function toldApart(plan: RolloutPlan): string {
  const [first, ...others] = pinsOf(plan);
  if (first === undefined) return 'not told apart: chance decides on every request (sticky: false)';
  const then = others.length === 0 ? '' : `, and if they are seen to leave the candidate, by ${others.join(', then by ')}`;
  return `told apart by ${first}${then}, where the router can`;
}

function rules(plan: RolloutPlan): readonly (readonly string[])[] {
  const { limits, retry, warmUp, probes, drain, idleThen, changeWindows, keepStableMs, pauseBatchUpToBp, connections } = plan;
  const cap = plan.capPerPartition === undefined ? '' : `; at most ${plan.capPerPartition} jobs at once in a partition`;
  const d = formatDuration;
  return [
    [
      'before users',
      `warm path ${warmUp.path ?? 'not checked'}; ${probes.count} pinned probes of ${probes.path}, ${probes.maxFailures} failures end it`,
    ],
    ['users', toldApart(plan)],
    [
      'judged',
      `every ${d(plan.tickMs)}; without a controller users return to stable within ${d(plan.leaseMs)}, where the router holds leases`,
    ],
    [
      'a gate fails',
      retry.max === 0
        ? 'everybody back to stable, and it ends'
        : `everybody back to stable; ${retry.max === 1 ? 'one more try' : `${retry.max} more tries`} of a step after ${d(retry.coolOffMs)}, a second failure freezes; ${retry.total} ramps in all`,
    ],
    [
      'no traffic',
      {
        hold: `holds for ${d(limits.idleMs)}, then rolls back`,
        'accept-on-probes': 'is accepted on probes',
        'roll-back': 'rolls back',
      }[idleThen],
    ],
    ['no metrics', `holds for ${d(limits.blindMs)}, then rolls back`],
    [
      'holds',
      `approval ${d(limits.approvalMs)}, pause ${d(limits.pauseMs)}, inconclusive ${d(limits.inconclusiveMs)}, foreign route ${d(limits.foreignRouteMs)}, schema ${d(limits.schemaHoldMs)}, frozen ${d(limits.frozenMs)}`,
    ],
    ...(changeWindows.length === 0
      ? []
      : [['advances', `in ${changeWindows.length} change windows a week only; abort and rollback always work`]]),
    ...(connections.queues === undefined ? [] : [['batch work', `is paused up to ${percent(pauseBatchUpToBp)}${cap}`]]),
    ['old revision', `drains for ${d(drain.minMs)} to ${d(drain.ceilingMs)}, stays warm for ${d(keepStableMs)}`],
    ['takes', `at least ${inWords(leastMs(plan))}, holds and warm-up not counted`],
  ];
}

const leastMs = ({ steps, drain }: RolloutPlan): number => steps.reduce((sum, { soakMs }) => sum + soakMs, drain.minMs);
