import { TICKS_TO_CHANGE } from '../domain/effects.js';
import type { RolloutPlan, Step } from '../domain/plan.js';
import { EVERYBODY, type BasisPoints } from '../domain/words.js';
import { formatDuration } from './durations.js';
import type { Finding } from './findings.js';
import type { Path } from './paths.js';
import { formatPercent } from './percent.js';

/** Shortest times of a rollout that moves real users: those of `hotfix`, the fastest profile that is no rehearsal. */
export const MINIMUM_TIMES = { soakMs: 180_000, bakeMs: 600_000, drainMs: 60_000, coolOffMs: 60_000 } as const;

/** Longest fixed wait before draining looks at the open streams (R15, A12); longer waits are the ceiling's business. */
const LONGEST_DRAIN_MS = 120_000;

/**
 * A heartbeat may be this late. The lease must outlive the heartbeat's time-out by 10 s, so that another worker takes over
 * before users are sent back (design.md §5): 20 s at a tick of 5 s.
 */
function heartbeatTimeoutMs(tickMs: number): number {
  return 2 * tickMs;
}

const TAKE_OVER_MS = 10_000;

/** What no plan may say, whatever the platform allows. Empty: the plan is sound. */
export function brokenRules(plan: RolloutPlan): readonly Finding[] {
  return [...stepRules(plan), ...minimumTimes(plan), ...timingRules(plan), ...evidenceRules(plan), ...approvalRules(plan)];
}

export function soakPaths(plan: RolloutPlan, index: number): readonly [Path, ...Path[]] {
  const own: Path = ['steps', index, 'soak'];
  return index === plan.steps.length - 1 ? [own, ['bake', 'soak'], ['bake']] : [own, ['soak']];
}

/** What the step was written with: during the bake the holdback is left out of it. */
export function writtenWeightBp({ steps, holdbackBp = 0 }: RolloutPlan, index: number): BasisPoints {
  return (steps[index]?.weightBp ?? 0) + (index === steps.length - 1 ? holdbackBp : 0);
}

function weightPaths(index: number): readonly [Path, Path] {
  return [
    ['steps', index, 'weight'],
    ['steps', index],
  ];
}

function stepRules(plan: RolloutPlan): readonly Finding[] {
  const { steps } = plan;
  const rising = steps.flatMap((step, index): Finding[] => {
    const before = steps[index - 1];
    if (before === undefined || step.weightBp > before.weightBp) return [];
    return [
      {
        paths: weightPaths(index),
        found: formatPercent(step.weightBp),
        expected: `more than the step before (${formatPercent(before.weightBp)})`,
        hint: 'weights rise strictly',
      },
    ];
  });
  const last = writtenWeightBp(plan, steps.length - 1);
  if (last === EVERYBODY) return rising;
  return [
    ...rising,
    {
      paths: weightPaths(Math.max(0, steps.length - 1)),
      found: formatPercent(last),
      expected: '100',
      hint: 'the last step carries everybody, and its soak is the bake',
    },
  ];
}

function minimumTimes(plan: RolloutPlan): readonly Finding[] {
  if (plan.rehearsal) return [];
  const soaks = plan.steps.flatMap((step, index) => tooShort(soakPaths(plan, index), step.soakMs, leastSoak(plan.steps, index)));
  return [
    ...soaks,
    ...tooShort([['drain', 'min']], plan.drain.minMs, MINIMUM_TIMES.drainMs),
    ...(plan.retry.max === 0 ? [] : tooShort([['retry', 'coolOff']], plan.retry.coolOffMs, MINIMUM_TIMES.coolOffMs)),
  ];
}

function leastSoak(steps: readonly Step[], index: number): number {
  return index === steps.length - 1 ? MINIMUM_TIMES.bakeMs : MINIMUM_TIMES.soakMs;
}

function tooShort(paths: Finding['paths'], ms: number, leastMs: number): readonly Finding[] {
  return ms >= leastMs
    ? []
    : [
        {
          paths,
          found: formatDuration(ms),
          expected: `at least ${formatDuration(leastMs)}`,
          hint: 'only the profile rehearsal goes under it',
        },
      ];
}

function timingRules(plan: RolloutPlan): readonly Finding[] {
  const { tickMs, leaseMs, bucketMs, drain, warmUp, limits } = plan;
  const leastLeaseMs = heartbeatTimeoutMs(tickMs) + TAKE_OVER_MS;
  return [
    ...atLeast([['lease']], leaseMs, leastLeaseMs, 'a worker that takes over must come before the lease lapses (2 × tick + 10s)'),
    ...atLeast([['bucket']], bucketMs, TICKS_TO_CHANGE * tickMs, 'what holds for three ticks of a bucket is told'),
    ...atLeast(
      [['limits', 'blind']],
      limits.blindMs,
      TICKS_TO_CHANGE * tickMs,
      'metrics that come back are seen within three ticks',
    ),
    ...atLeast([['drain', 'ceiling']], drain.ceilingMs, drain.minMs, 'the ceiling is not below drain.min'),
    ...atLeast([['warmUp', 'timeout']], warmUp.timeoutMs, warmUp.holdMs, 'the candidate must hold ready for warmUp.hold'),
    ...(drain.minMs <= LONGEST_DRAIN_MS
      ? []
      : [
          {
            paths: [['drain', 'min']] as const,
            found: formatDuration(drain.minMs),
            expected: `at most ${formatDuration(LONGEST_DRAIN_MS)}`,
            hint: 'drain.ceiling waits longer for open streams',
          },
        ]),
    ...plan.steps.flatMap((step, index) => [
      ...atLeast(soakPaths(plan, index), step.soakMs, tickMs, 'a step is judged at least once'),
      ...atLeast(
        [['soakMax'], ...soakPaths(plan, index)],
        step.soakMaxMs,
        step.soakMs,
        `the soak of ${formatPercent(step.weightBp)} is not above soakMax`,
      ),
    ]),
  ];
}

function atLeast(paths: Finding['paths'], ms: number, leastMs: number, hint: string): readonly Finding[] {
  return ms >= leastMs ? [] : [{ paths, found: formatDuration(ms), expected: `at least ${formatDuration(leastMs)}`, hint }];
}

function evidenceRules({ judge, probes, idleThen }: RolloutPlan): readonly Finding[] {
  const errors = judge.gates.find(({ gate }) => gate === 'errors');
  const decides = errors !== undefined && errors.mode !== 'observe';
  const findings: Finding[] = [];
  if (!decides && idleThen !== 'accept-on-probes') {
    findings.push({
      paths: [
        ['gates', 'errors', 'mode'],
        ['gates', 'errors'],
      ],
      found: errors?.mode ?? 'off',
      expected: 'sequential or threshold',
      hint: 'without an error gate nothing advances, unless idle.then is accept-on-probes',
    });
  }
  if (probes.maxFailures > probes.count) {
    findings.push({
      paths: [['probes', 'maxFailures']],
      found: String(probes.maxFailures),
      expected: `at most probes.count (${String(probes.count)})`,
    });
  }
  return findings;
}

function approvalRules({ approvals }: RolloutPlan): readonly Finding[] {
  return approvals.flatMap(({ beforeStep, count, approvers }): Finding[] => {
    if (approvers.length === 0 || count <= approvers.length) return [];
    const path = ['steps', beforeStep, 'approval'];
    return [
      {
        paths: [[...path, 'count'], [...path, 'approvers'], path],
        found: `${String(count)} approvals of ${String(approvers.length)}`,
        expected: `at most as many as there are approvers (${String(approvers.length)})`,
      },
    ];
  });
}
