/** What `sluice plan` says before anybody is hurt: nothing of it is an error, and all of it has surprised somebody. */
import type { RolloutPlan } from '../../domain/plan.js';
import { pinsOf, tellsApartBy } from '../../domain/stickiness.js';
import { percent } from '../../domain/telling.js';
import { EVERYBODY, type BasisPoints } from '../../domain/words.js';
import type { RouterConnection } from '../../spec/config-schema.js';
import { formatDuration } from '../../spec/durations.js';
import { thousands } from '../render/text.js';

/** `rps` is what the command line expects, in place of what the plan does. */
export function planWarnings(plan: RolloutPlan, router: RouterConnection | undefined, rps?: number): readonly string[] {
  return [
    ...evidenceWarnings(plan, rps ?? plan.capacity?.expectedP50Rps),
    ...routerWarnings(plan, router),
    ...safetyWarnings(plan),
  ];
}

function evidenceWarnings(plan: RolloutPlan, rps: number | undefined): readonly string[] {
  const { judge, idleThen } = plan;
  const errors = judge.gates.find(({ gate }) => gate === 'errors');
  const literal = judge.gates.filter(({ mode }) => mode === 'threshold').map(({ gate }) => gate);
  return [
    ...trafficWarnings(plan, rps),
    ...(errors === undefined || errors.mode === 'observe'
      ? [
          `no error gate decides; preflight refuses this${idleThen === 'accept-on-probes' ? ' unless nothing but probes is wanted (idle.then: accept-on-probes)' : ''}`,
        ]
      : []),
    ...(literal.length === 0
      ? []
      : [
          `${literal.join(', ')}: mode threshold is the literal rule, which on small windows rolls back most releases that are no worse; mode sequential does not`,
        ]),
    ...(typeof judge.badRequestsBudget === 'number' && judge.badRequestsBudget < 25
      ? [
          `a risk budget of ${judge.badRequestsBudget} bad requests: below about 25 a service of 20 requests a second never passes`,
        ]
      : []),
  ];
}

/** A step whose soak sees too few requests stays inconclusive and then waits for a human (A24). */
function trafficWarnings(plan: RolloutPlan, rps: number | undefined): readonly string[] {
  const { steps, limits, idleThen, judge } = plan;
  const { minimumRequests } = judge;
  if (rps === undefined)
    return ['no expected traffic is given (capacity.expectedRps, or --rps), so how long the evidence takes is only a guess'];
  if (rps === 0) return [noTraffic(limits.idleMs, idleThen)];
  const seenAt = (weightBp: BasisPoints, forMs: number): number => (rps * smallerShare(weightBp) * forMs) / 1_000;
  const thin = steps.slice(0, -1).filter(({ weightBp, soakMs }) => seenAt(weightBp, soakMs) < minimumRequests);
  const [first] = thin;
  if (first === undefined) return smallSteps(steps, rps);
  const seen = `at ${percent(first.weightBp)} about ${thousands(seenAt(first.weightBp, first.soakMs))} requests arrive within ${formatDuration(first.soakMs)}, and the gates need ${thousands(minimumRequests)} a side`;
  const enough = [2_500, 5_000]
    .filter((weightBp) => seenAt(weightBp, first.soakMs) >= minimumRequests)
    .map((weightBp) => weightBp / 100);
  const advice =
    enough.length === 0 ? 'set idle.then: accept-on-probes, or soak longer' : `consider steps: [${[...enough, 100].join(', ')}]`;
  return [
    `${seen}: ${thin.length === 1 ? 'the step' : `${thin.length} steps`} will be extended, and may wait for a human; ${advice}`,
  ];
}

/** No length of a soak and no tolerance makes evidence of nothing. */
function noTraffic(idleMs: number, idleThen: RolloutPlan['idleThen']): string {
  const then = {
    hold: `the first step holds for limits.idle (${formatDuration(idleMs)}) and then rolls back; send requests, or set idle.then: accept-on-probes`,
    'roll-back':
      'the first step rolls back as soon as that is certain (idle.then: roll-back); send requests, or set idle.then: accept-on-probes',
    'accept-on-probes': 'its own probes alone decide each step (idle.then: accept-on-probes)',
  }[idleThen];
  return `no traffic is expected, so that no gate can see anything: ${then}`;
}

/** At or below this many requests a second, small steps keep users waiting and prove little. */
const LOW_RPS = 5;

function smallSteps(steps: RolloutPlan['steps'], rps: number): readonly string[] {
  const isSmall = rps <= LOW_RPS && steps.some(({ weightBp }) => weightBp < 2_500);
  return isSmall ? [`at ${rps} requests a second steps below 25 % prove little: consider steps: [25, 50, 100]`] : [];
}

/** The side with less traffic is what the evidence waits for. */
const smallerShare = (weightBp: BasisPoints): number => Math.min(weightBp, EVERYBODY - weightBp) / EVERYBODY;

function routerWarnings(plan: RolloutPlan, router: RouterConnection | undefined): readonly string[] {
  const { steps, connections, sticky } = plan;
  if (router?.type === 'edge') return [`${connections.router} is the embedded edge, which is for trying out`];
  if (router?.type !== 'exec') return [];
  const { lease = false, stepBp, sticky: keeps = 'none', stickyBy, probe } = { ...router.capabilities, probe: router.probe };
  const able = tellsApartBy({ sticky: keeps, ...(stickyBy === undefined ? {} : { stickyBy }) });
  const pins = pinsOf(plan);
  const beyond = pins.filter((pin) => !able.includes(pin));
  const uneven =
    stepBp === undefined ? [] : steps.filter(({ weightBp }) => weightBp % stepBp !== 0).map(({ weightBp }) => percent(weightBp));
  return [
    ...(lease
      ? []
      : [
          `${connections.router} holds no lease: if Temporal and every worker die, users stay where they are until somebody breaks the glass (sluice doctor)`,
        ]),
    ...(uneven.length === 0
      ? []
      : [`${connections.router} takes multiples of ${percent(stepBp ?? 0)} only: preflight refuses ${uneven.join(', ')}`]),
    ...(sticky && keeps === 'none'
      ? [`${connections.router} cannot keep users where they are: they may bounce between the revisions`]
      : beyond.map((pin) =>
          pin === pins[0]
            ? `${connections.router} cannot tell users apart by ${pin}, which the plan begins with: preflight refuses it`
            : `${connections.router} cannot tell users apart by ${pin}: it is passed over when its turn comes`,
        )),
    ...(probe === undefined
      ? [`${connections.router} has no probe recipe: the candidate is not probed before users reach it`]
      : []),
  ];
}

function safetyWarnings({ rehearsal, connections, warmUp }: RolloutPlan): readonly string[] {
  return [
    ...(rehearsal ? ['profile rehearsal: every minimum time is lifted; for demos, tests and drills'] : []),
    ...(connections.capacity === undefined
      ? ["nobody holds stable's capacity (no capacity connection): if an autoscaler shrinks it, a rollback overloads it"]
      : []),
    ...(warmUp.path === undefined ? ['the warm path is not checked (warmUp.path)'] : []),
    ...(connections.notify.length === 0 ? ['nobody is told when it rolls back or waits (notify)'] : []),
  ];
}
