import type { ApprovalRule, RolloutPlan } from '../domain/plan.js';
import { formatDuration } from './durations.js';
import type { Finding } from './findings.js';
import type { Floors } from './floors.js';
import { GATE_NAMES } from './gates.js';
import { formatPercent } from './percent.js';
import { soakPaths, writtenWeightBp } from './plan-rules.js';
import { floorName, floorsOf, type PlatformConfig } from './platform.js';

/** Where a plan is below the platform's floors. Each finding names the floor. */
export function floorFindings(plan: RolloutPlan, platform: PlatformConfig): readonly Finding[] {
  const { environment } = plan.target;
  const floors = floorsOf(platform, environment);
  const nameOf = (...path: string[]): { readonly hint: string } => ({
    hint: `the floor is ${floorName(platform, environment, path)}`,
  });
  return [...soakFloors(plan, floors, nameOf), ...gateFloors(plan, floors, nameOf), ...approvalFloors(plan, floors, nameOf)];
}

type NameOf = (...path: string[]) => { readonly hint: string };

function soakFloors(plan: RolloutPlan, { soak = 0, bake = 0 }: Floors, nameOf: NameOf): readonly Finding[] {
  if (plan.rehearsal) return [];
  return plan.steps.flatMap(({ soakMs }, index): Finding[] => {
    const [least, field] = index === plan.steps.length - 1 ? [bake, 'bake'] : [soak, 'soak'];
    return soakMs >= least
      ? []
      : [
          {
            paths: soakPaths(plan, index),
            found: formatDuration(soakMs),
            expected: `at least ${formatDuration(least)}`,
            ...nameOf(field),
          },
        ];
  });
}

function gateFloors({ judge }: RolloutPlan, { gates = [] }: Floors, nameOf: NameOf): readonly Finding[] {
  return gates.flatMap((key): Finding[] => {
    const policy = judge.gates.find(({ gate }) => gate === GATE_NAMES[key]);
    const findings: Finding[] = [];
    if (policy === undefined || policy.mode === 'observe') {
      findings.push({
        paths: [
          ['gates', key, 'mode'],
          ['gates', key],
        ],
        found: policy?.mode ?? 'off',
        expected: 'sequential or threshold',
        ...nameOf('gates'),
      });
    }
    if (policy?.required === false)
      findings.push({
        paths: [
          ['gates', key, 'required'],
          ['gates', key],
        ],
        found: 'false',
        expected: 'true',
        ...nameOf('gates'),
      });
    return findings;
  });
}

function approvalFloors(plan: RolloutPlan, { approval }: Floors, nameOf: NameOf): readonly Finding[] {
  if (approval === undefined) return [];
  const { beforeWeight } = approval;
  const needed =
    beforeWeight === undefined ? -1 : plan.steps.findIndex((_, index) => writtenWeightBp(plan, index) >= beforeWeight);
  const findings = plan.approvals.flatMap((rule) => termFloors(rule, approval, nameOf));
  if (needed < 0 || plan.approvals.some(({ beforeStep }) => beforeStep === needed)) return findings;
  const weight = formatPercent(writtenWeightBp(plan, needed));
  return [
    ...findings,
    {
      paths: [
        ['steps', needed, 'approval'],
        ['steps', needed],
      ],
      found: 'no approval',
      expected: `an approval before ${weight}`,
      ...nameOf('approval', 'beforeWeight'),
    },
  ];
}

function termFloors(
  { beforeStep, count, approvers, notTheStarter }: ApprovalRule,
  floor: NonNullable<Floors['approval']>,
  nameOf: NameOf,
): readonly Finding[] {
  const at = (field: string): Finding['paths'] => [
    ['steps', beforeStep, 'approval', field],
    ['steps', beforeStep, 'approval'],
    ['steps', beforeStep],
  ];
  const findings: Finding[] = [];
  if (floor.count !== undefined && count < floor.count) {
    findings.push({
      paths: at('count'),
      found: String(count),
      expected: `at least ${String(floor.count)}`,
      ...nameOf('approval', 'count'),
    });
  }
  if (floor.notTheStarter === true && !notTheStarter) {
    findings.push({ paths: at('notTheStarter'), found: 'false', expected: 'true', ...nameOf('approval', 'notTheStarter') });
  }
  const allowed = floor.approvers ?? [];
  const strangers = approvers.filter((approver) => !allowed.includes(approver));
  if (allowed.length > 0 && (approvers.length === 0 || strangers.length > 0)) {
    const found = approvers.length === 0 ? 'anybody' : strangers.join(', ');
    findings.push({
      paths: at('approvers'),
      found,
      expected: `some of ${allowed.join(', ')}`,
      ...nameOf('approval', 'approvers'),
    });
  }
  return findings;
}
