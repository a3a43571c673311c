import type { Ground } from '../../domain/effects.js';
import { wholePins } from '../../domain/schema-pins.js';
import type { Revision, SchemaPins } from '../../domain/words.js';
import type { ProbeRecipe } from '../../providers/ports.js';
import { throwIfCancelled } from '../execution.js';
import { describeError } from '../failures.js';
import { readIdentity, type Identity } from '../identity.js';
import { askPinned, describeAnswer, type PinnedAnswer } from '../pinned-request.js';
import { incompatibility, undeclared } from '../schema-pins.js';
import { pause, persistently, type Tries } from '../waiting.js';
import { NOTHING, refuse, warn, type Checking, type Found } from './checking.js';

/** Longer than elsewhere: the first request may have to start the candidate. */
const PATIENTLY: Tries = { times: 3, pauseMs: 300, deadlineMs: 8_000 };

/** The candidate answers as the candidate when pinned, and is what the plan declares (X5, X7). */
export async function checkCandidate(on: Checking): Promise<Found> {
  const { tools, run, where, plan, router } = on;
  const { candidate } = plan;
  try {
    const recipe = await persistently(tools.clock, run, () => router.probe(where.target, candidate));
    const answer = await askAFewTimes(on, recipe, plan.probes.path);
    if (answer.kind !== 'answered')
      return refuse(
        `pinned to the candidate "${candidate.id}": ${describeAnswer(answer)}; expected ${recipe.answeredBy.header}: ${recipe.answeredBy.value}`,
      );
    return compareWithPlan(on, await readIdentity(tools, recipe, run.signal));
  } catch (error) {
    throwIfCancelled(run.signal);
    return refuse(`the candidate "${candidate.id}" cannot be pinned: ${describeError(error)}`);
  }
}

/** Only who answers counts here: a candidate that is still cold may say 503, and the warm-up deals with that. */
async function askAFewTimes({ tools, run }: Checking, recipe: ProbeRecipe, path: string): Promise<PinnedAnswer> {
  for (let tried = 1; ; tried++) {
    const answer = await askPinned(tools, recipe, path, { deadlineMs: PATIENTLY.deadlineMs, signal: run.signal });
    if (answer.kind === 'answered' || tried >= PATIENTLY.times) return answer;
    await pause(tools.clock, PATIENTLY.pauseMs, run.signal);
  }
}

function compareWithPlan({ plan }: Checking, identity: Identity): Found {
  if (identity.kind === 'silent') return NOTHING;
  const { candidate } = plan;
  // A rollback to a revision whose release nobody recorded names none.
  const otherRelease = candidate.release !== '' && identity.release !== undefined && identity.release !== candidate.release;
  const declared = { ...plan.schemaPins, ...candidate.schemaPins };
  return refuse(
    ...(otherRelease
      ? [
          `revision "${candidate.id}" runs release ${printable(identity.release)}, the plan says ${candidate.release}: deploy it first`,
        ]
      : []),
    ...undeclared(declared, identity.schemaPins),
  );
}

/**
 * Pins that do not fit stable's are told and do not refuse: an incompatibility holds the rollout at weight 0 with its remedies
 * (R27), which the probes bring about.
 */
export async function checkCompatibility(on: Checking, stable: Revision | undefined): Promise<PinsFound> {
  if (stable === undefined) return { found: NOTHING, pins: {} };
  const [ofStable, ofCandidate] = await Promise.all([identityOf(on, stable), identityOf(on, on.plan.candidate)]);
  const pinsOf = (identity: Identity): SchemaPins | undefined =>
    identity.kind === 'silent' ? undefined : wholePins(identity.schemaPins);
  const stablePins = pinsOf(ofStable);
  const candidatePins = pinsOf(ofCandidate);
  const pins = { ...(stablePins === undefined ? {} : { stablePins }), ...(candidatePins === undefined ? {} : { candidatePins }) };
  if (ofStable.kind === 'silent' || ofCandidate.kind === 'silent') return { found: NOTHING, pins };
  const difference = incompatibility(ofStable.schemaPins, ofCandidate.schemaPins);
  if (difference === undefined) return { found: NOTHING, pins };
  return { found: warn(`schema pins do not fit, so the rollout will hold at 0 %: ${difference.text}`), pins };
}

interface PinsFound {
  readonly found: Found;
  readonly pins: Pick<Ground, 'stablePins' | 'candidatePins'>;
}

async function identityOf({ tools, run, where, router }: Checking, revision: Revision): Promise<Identity> {
  try {
    return await readIdentity(
      tools,
      await persistently(tools.clock, run, () => router.probe(where.target, revision)),
      run.signal,
    );
  } catch {
    throwIfCancelled(run.signal);
    return { kind: 'silent' };
  }
}

/**
 * Before the first rollout the router does not know what runs in a slot: the service itself says, so that timeline, logs and a
 * later rollback can name it (A26). Without an answer the release stays unknown.
 */
export async function withRelease(on: Checking, stable: Revision | undefined): Promise<Revision | undefined> {
  if (stable === undefined || stable.release !== '') return stable;
  const identity = await identityOf(on, stable);
  return identity.kind === 'silent' || identity.release === undefined ? stable : { ...stable, release: identity.release };
}

const printable = (text: string): string => JSON.stringify(text.slice(0, 80));
