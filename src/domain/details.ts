import { blockersOf, missingApprovals } from './blocking.js';
import type { Blocker } from './blockers.js';
import { headlineOf } from './headline.js';
import { clock, moment } from './moments.js';
import type { RolloutPlan } from './plan.js';
import { describeCause } from './rollback.js';
import type { RolloutState } from './state.js';
import { unitsFor } from './step-policy.js';
import { percent, weightOf } from './telling.js';
import type { TimelineEntry } from './timeline.js';
import type { GateName } from './verdict.js';
import { watchOf } from './watching.js';
import type { Instant } from './words.js';

/** The details travel in the address of a frame of Temporal's UI, so they must stay short. */
const SHOWN = 40;

/** Markdown for Temporal's UI: what the person woken at 3 a.m. reads, without our tools. Newest first; times are UTC. */
export function detailsOf(plan: RolloutPlan, state: RolloutState, now: Instant): string {
  const gates = watchOf(state.phase)?.last;
  const lines = [
    `**${usersLine(plan, state)}**`,
    '',
    headlineOf(plan, state),
    '',
    `As of ${clock(now)}; reload the page for later news.`,
    '',
    ...section('Why', why(state)),
    ...section('Blocked by', blockersOf(plan, state, now).map(describeBlocker)),
    ...section(
      'Gates',
      gates?.kind === 'judged'
        ? gates.judgement.gates.map(
            ({ gate, verdict, decisive, sentence }) => `${gate}: **${verdict}**${decisive ? '' : ' (observed)'}. ${sentence}`,
          )
        : [],
    ),
    ...section('Leads', leads(plan, state)),
    ...section('Do', instructions(plan, state)),
    ...section('Timeline', state.ledger.timeline.slice(-SHOWN).reverse().map(line)),
  ];
  return lines.join('\n');
}

function usersLine(plan: RolloutPlan, { phase, ledger }: RolloutState): string {
  if (phase.kind === 'rolling-back') return `ROLLBACK NOT YET CONFIRMED by the router (since ${clock(phase.since)})`;
  const weight = weightOf(plan, phase);
  const safe = [...ledger.timeline].reverse().find((entry) => entry.what.startsWith('users are safe'));
  if (weight === 0 && safe !== undefined) return `USERS ARE SAFE: the router was read back at 0 % at ${clock(safe.at)}.`;
  return weight === 0 ? 'Users: 100 % on stable.' : `Users: ${percent(weight)} on the candidate ${plan.candidate.release}.`;
}

/** Which gate failed, when and with what counts, and when the steps before had passed. */
function why({ phase, ledger }: RolloutState): readonly string[] {
  const failed = ledger.timeline.filter(({ what }) => what.startsWith('rollback: '));
  if (failed.length === 0) return [];
  const passed = ledger.timeline.filter(({ what }) => what.endsWith(' passed'));
  const cause =
    phase.kind === 'rolling-back' || phase.kind === 'cooling-off' || phase.kind === 'frozen' ? [describeCause(phase.cause)] : [];
  return [
    ...(cause.length > 0 ? cause : failed.slice(-1).map(({ what }) => what.slice('rollback: '.length))),
    `Rolled back at ${failed.map(({ at, weightBp }) => `${clock(at)} (${percent(weightBp)})`).join(', ')}.`,
    ...(passed.length > 0
      ? [`Passed before: ${passed.map(({ at, weightBp }) => `${percent(weightBp)} at ${clock(at)}`).join(', ')}.`]
      : []),
  ];
}

/** What R10 names, each with the figures that the failing judgement had; what nobody measures is said to be unmeasured. */
function leads(plan: RolloutPlan, { phase }: RolloutState): readonly string[] {
  if (phase.kind !== 'frozen') return [];
  const gates = phase.cause.kind === 'gate-failed' ? phase.cause.gates : [];
  const sentenceOf = (gate: GateName): string | undefined => gates.find((verdict) => verdict.gate === gate)?.sentence;
  const units = plan.connections.capacity === undefined ? 0 : unitsFor(plan, Math.max(0, phase.step));
  return [
    'The same step failed twice: look at what a retry does not change.',
    `Cold-start headroom: ${sentenceOf('cold-starts') ?? 'cold starts are not measured here.'}${
      units === 0 ? '' : ` The plan asks for ${units} unit${units === 1 ? '' : 's'} at this step.`
    }`,
    `NAT and DNS: ${sentenceOf('latency') ?? 'latency is not measured here.'} Connect time and lookups are not measured here: look at the candidate's own.`,
  ];
}

const CANCEL = 'Request Cancellation is an abort. Do not press Terminate or Reset: they run nothing.';
const WHERE =
  'Signals are sent by More Actions → Send a Signal; the data may stay empty, or say `{"by": "you", "reason": "why"}`.';

function instructions(plan: RolloutPlan, { phase, ledger }: RolloutState): readonly string[] {
  const { service, environment } = plan.target;
  switch (phase.kind) {
    case 'frozen':
    case 'schema-held':
      return [
        ...(phase.kind === 'schema-held'
          ? ['Bump SCHEMA_REV, re-index or add a translation layer, then re-run the canary.']
          : []),
        '`retry` opens a new ramp; `abort` ends the rollout.',
        WHERE,
        CANCEL,
      ];
    case 'draining':
    case 'closed': {
      const promoted = phase.kind === 'draining' ? phase.then === 'promoted' : phase.outcome === 'promoted';
      return promoted
        ? [`To go back: \`sluice rollback ${service} --env ${environment}\`.`]
        : [
            'Nothing to do. Temporal calls this "Completed" because the controller did its job; the release was NOT promoted. Do not press Reset: start a new rollout.',
          ];
    }
    case 'finalising':
    case 'rolling-back':
      return [CANCEL];
    default: {
      const next = (watchOf(phase)?.step ?? -1) + 1;
      const rule = plan.approvals.find((candidate) => candidate.beforeStep >= next && missingApprovals(candidate, ledger) > 0);
      return [
        ...(rule === undefined
          ? []
          : [
              rule.approvers.length === 0
                ? '`approve` lets the next step begin.'
                : `\`approve\` lets the next step begin; it must name one of ${rule.approvers.join(', ')}: \`{"by": "${rule.approvers[0] ?? ''}"}\`.`,
            ]),
        '`abort` puts everybody back at once; `pause` holds (the gates go on judging), `resume` goes on; `skip` and `promote` pass over the soak.',
        WHERE,
        CANCEL,
      ];
    }
  }
}

export function describeBlocker(blocker: Blocker): string {
  switch (blocker.kind) {
    case 'soaking':
      return `soak: ${Math.floor(blocker.soakedMs / 1000)} of ${Math.floor(blocker.soakMs / 1000)} s when last looked at`;
    case 'paused':
      return `paused by ${blocker.by.name}${blocker.reason === '' ? '' : ` (${blocker.reason})`}; rolls back at ${moment(blocker.expires)}`;
    case 'awaiting-approval':
      return `approval: ${blocker.missing} missing${blocker.approvers.length === 0 ? '' : ` (${blocker.approvers.join(', ')})`}; rolls back at ${moment(blocker.expires)}`;
    case 'inconclusive':
      return `too little evidence (${blocker.gates.join(', ')}); rolls back at ${moment(blocker.expires)}`;
    case 'idle':
      return `no traffic since ${clock(blocker.since)}: send requests, or set idle.then; rolls back at ${moment(blocker.expires)}`;
    case 'blind':
      return `blind (${blocker.gates.join(', ')}) since ${clock(blocker.since)}: look at the metric source${blocker.why === undefined ? '' : ` (${blocker.why})`}; rolls back at ${moment(blocker.expires)}`;
    case 'change-window-closed':
      return `the change window opens at ${moment(blocker.opens)}`;
    case 'foreign-route':
      return `the route belongs to ${blocker.owner}; ends at ${moment(blocker.expires)}`;
  }
}

function line({ at, by, what, weightBp }: TimelineEntry): string {
  return `${clock(at)} · ${percent(weightBp)} · ${by.name === 'sluice' ? '' : `${by.name}${by.verified ? '' : ' (claimed)'}: `}${what}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`### ${title}`, ...lines.map((text) => `- ${text}`), ''];
}
