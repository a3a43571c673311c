/** Who waits for a human says so again: reminders of a hold, until it ends or somebody acknowledges it (design.md §2). */
import { blockersOf, holdEnds } from './blocking.js';
import type { Blocker } from './blockers.js';
import { describeBlocker } from './details.js';
import { moment } from './moments.js';
import type { Limits, RolloutPlan } from './plan.js';
import type { RolloutState } from './state.js';
import { announce, percent, type Turn, weightOf } from './telling.js';
import type { Instant } from './words.js';

/** Something that holds until a human comes or its limit does. */
export interface Hold {
  readonly name: string;
  readonly since: Instant;
  readonly until: Instant;
  readonly text: string;
}

/** Parts of a hold's limit after which people are reminded. */
const REMIND_AT: readonly number[] = [0.25, 0.5, 0.9];
/** What only a human can clear is asked for when its time begins; of everything else people have been told. */
const ASKED_FOR: readonly Blocker['kind'][] = ['awaiting-approval', 'inconclusive'];
/** From here on somebody is paged. */
const LAST_CALL = 0.9;

/** The hold that ends first, of those whose time has begun. */
export function holdOf(plan: RolloutPlan, state: RolloutState, now: Instant): Hold | undefined {
  return holdsOf(plan, state, now).find(({ since }) => since <= now);
}

/** Sends what is due; several that were due while nobody looked are one. */
export function remind(turn: Turn, state: RolloutState): RolloutState {
  if (turn.plan.connections.notify.length === 0) return state;
  const hold = holdOf(turn.plan, state, turn.at);
  if (hold === undefined) return state;
  const { hold: name, sent, acknowledged } = remindedOf(state, hold);
  const due = scheduleOf(hold).filter((part) => instantOf(hold, part) <= turn.at).length;
  if (acknowledged || due <= sent) return state;
  const reminded: RolloutState = { ...state, ledger: { ...state.ledger, reminded: { hold: name, sent: due, acknowledged } } };
  const { service } = turn.plan.target;
  return announce(
    turn,
    reminded,
    instantOf(hold, LAST_CALL) <= turn.at ? 'page' : 'warning',
    `${service}: waiting at ${percent(weightOf(turn.plan, state.phase))}`,
    hold.text,
  );
}

/** No more reminders of this hold, which stays. */
export function acknowledge(state: RolloutState, hold: Hold): RolloutState {
  return { ...state, ledger: { ...state.ledger, reminded: { ...remindedOf(state, hold), acknowledged: true } } };
}

/** When the next reminder is due, for the holds during which nothing else happens. */
export function nextReminder(plan: RolloutPlan, state: RolloutState, now: Instant): Instant | undefined {
  if (plan.connections.notify.length === 0) return undefined;
  const [hold] = holdsOf(plan, state, now);
  if (hold === undefined) return undefined;
  const { sent, acknowledged } = remindedOf(state, hold);
  const part = scheduleOf(hold)[sent];
  return acknowledged || part === undefined ? undefined : instantOf(hold, part);
}

function holdsOf(plan: RolloutPlan, state: RolloutState, now: Instant): readonly Hold[] {
  const { phase } = state;
  if (phase.kind === 'frozen' || phase.kind === 'schema-held') {
    const until = holdEnds(plan, phase);
    const what = phase.kind === 'frozen' ? 'frozen' : `held at 0 %: schema mismatch: ${phase.difference.text}`;
    return [{ name: phase.kind, since: phase.since, until, text: `${what}; waits for retry or abort until ${moment(until)}` }];
  }
  const holds = blockersOf(plan, state, now).flatMap((blocker): readonly Hold[] => {
    if (!('expires' in blocker)) return [];
    const since = blocker.expires - plan.limits[LIMIT_OF[blocker.kind]];
    return [{ name: blocker.kind, since, until: blocker.expires, text: describeBlocker(blocker) }];
  });
  return [...holds].sort((one, other) => one.until - other.until);
}

const LIMIT_OF = {
  paused: 'pauseMs',
  'awaiting-approval': 'approvalMs',
  inconclusive: 'inconclusiveMs',
  idle: 'idleMs',
  blind: 'blindMs',
  'foreign-route': 'foreignRouteMs',
} as const satisfies Record<Extract<Blocker, { expires: Instant }>['kind'], keyof Limits>;

function remindedOf({ ledger }: RolloutState, { name, since }: Hold): RolloutState['ledger']['reminded'] {
  const hold = `${name}/${since}`;
  return ledger.reminded.hold === hold ? ledger.reminded : { hold, sent: 0, acknowledged: false };
}

const scheduleOf = ({ name }: Hold): readonly number[] =>
  ASKED_FOR.some((kind) => kind === name) ? [0, ...REMIND_AT] : REMIND_AT;

const instantOf = ({ since, until }: Hold, part: number): Instant => Math.round(since + (until - since) * part);
