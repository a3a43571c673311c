import { actsOf, isKind, powerfulRaises, revocationOf, type Act } from './acts.js';
import { isDisturbed, type Circumstances, type Finding, type Rule } from './evidence.js';
import { failingJudgements } from './reported.js';

/** Supervision revokes before it returns, so the revocation should even be earlier than the judgement in the history. */
const REVOKED_WITHIN_MS = 5_000;

/**
 * R9 "Any gate failure → at once the whole traffic on the previous revision."
 *
 * The judge's own moment is not in the record; the history says when supervision returned the failing judgement, by which
 * time the ramp should be revoked already. From the revocation (or, where it came later, from the judgement) until the
 * weight is written as 0, nothing else is written: no renewal, no shift, no other ramp. Late renewals of a worker that the
 * test killed or stalled are excused, because the revocation has made them harmless (I7).
 */
export const failureFirst: Rule = (evidence, circumstances) => {
  const acts = actsOf(evidence, circumstances);
  return evidence.rollouts.flatMap(failingJudgements).flatMap((at) => judgeOne(at, acts, circumstances));
};

function judgeOne(judgedAt: number, acts: readonly Act[], circumstances: Circumstances): Finding[] {
  const ramp = powerfulRaises(acts)
    .filter((act) => act.at <= judgedAt)
    .at(-1)?.ramp;
  if (ramp === undefined) return [finding('a failing judgement at a time when no weight had been raised', judgedAt)];
  const revocation = revocationOf(acts, ramp);
  if (revocation === undefined) return [finding(`ramp ${ramp} failed its gates and was never revoked`, judgedAt)];
  const findings: Finding[] = [];
  const delayMs = revocation.answeredAt - judgedAt;
  const isExcused = isDisturbed(circumstances, ['proxy', 'reload', 'worker', 'temporal'], {
    from: judgedAt,
    to: revocation.answeredAt,
  });
  if (delayMs > REVOKED_WITHIN_MS && !isExcused) {
    findings.push(
      finding(`ramp ${ramp} was revoked only ${String(delayMs)} ms after the failing judgement`, revocation.answeredAt),
    );
  }
  const first = acts.findIndex((act) => act.order > revocation.order || act.at > judgedAt);
  const rest = first < 0 ? [] : acts.slice(first);
  const zero = rest.findIndex((act) => act.kind === 'route' && act.ramp === ramp && act.bp === 0 && act.accepted);
  const between = zero < 0 ? rest : rest.slice(0, zero);
  const intruder = between.find((act) => !belongsToRollback(act, ramp) && !isLateRenewal(act, ramp, circumstances));
  if (intruder !== undefined) {
    findings.push(
      finding(`after ramp ${ramp} had failed, ${describe(intruder)} was written before the weight was 0`, intruder.at),
    );
  }
  return findings;
}

function belongsToRollback(act: Act, ramp: string): boolean {
  return (act.kind === 'revoke' && act.ramp === ramp) || (isKind('route')(act) && act.ramp === ramp && act.bp === 0);
}

function isLateRenewal(act: Act, ramp: string, circumstances: Circumstances): boolean {
  const isOfRamp = (act.kind === 'lease' || act.kind === 'route') && act.ramp === ramp;
  return isOfRamp && isDisturbed(circumstances, ['worker'], { from: act.at, to: act.at });
}

function describe(act: Act): string {
  switch (act.kind) {
    case 'route':
      return `the route ${act.value}`;
    case 'lease':
      return `a renewal of ramp ${act.ramp}`;
    case 'fence':
      return `the fence for ramp ${act.ramp}`;
    case 'revoke':
      return `a revocation of ramp ${act.ramp}`;
    case 'stable':
      return `the stable slot ${act.slot}`;
    case 'unreadable':
      return `"${act.text}"`;
  }
}

function finding(what: string, at: number): Finding {
  return { rule: 'R9', what, at };
}
