import { effectiveRoute } from './effective-route.js';
import type { Circumstances, Evidence, Finding, Rule } from './evidence.js';
import { isClosed, reportedResult, type ReportedResult } from './reported.js';

/**
 * I11 "The outcome that the workflow reports equals what the router says."
 *
 * Judged for the last rollout of the record, against the last snapshot of the control endpoint, which must be younger than
 * the workflow's end. A promoted release is stable and has no candidate beside it; after every other outcome the slot that
 * was stable is stable, and nobody is sent to the candidate.
 */
export const outcome: Rule = (evidence, circumstances) => {
  const chain = evidence.rollouts.at(-1);
  if (chain === undefined || !isClosed(chain)) return [];
  const result = reportedResult(chain);
  if (result === undefined) return [finding('the workflow closed without an outcome that can be read')];
  return compare(result, evidence, circumstances);
};

function compare(result: ReportedResult, evidence: Evidence, circumstances: Circumstances): Finding[] {
  const snapshot = evidence.snapshots.filter((taken) => taken.service === circumstances.service).at(-1);
  if (snapshot === undefined || snapshot.at < result.at) {
    return [finding('no snapshot of the router was taken after the workflow had closed', result.at)];
  }
  const router = effectiveRoute(snapshot);
  const said = result.serving === undefined ? undefined : (circumstances.slotOf?.[result.serving] ?? result.serving);
  const findings: Finding[] = [];
  const found = (what: string): void => void findings.push(finding(`the workflow says ${result.outcome}${what}`, snapshot.at));
  if (said !== undefined && said !== router.stable)
    found(` with ${said} serving, but the router's stable slot is ${router.stable}`);
  else if (said === undefined && !isExpectedStable(result, router.stable, evidence, circumstances))
    found(`, but the router's stable slot is ${router.stable}`);
  if (router.candidateBp !== 0) found(`, but the router sends ${String(router.candidateBp)} bp of the users to a candidate`);
  const bp = result.candidateBp;
  // A promoted candidate has everybody, but is no candidate any more; both ways of putting it are right.
  const isTold = bp === undefined || bp === 0 || (result.outcome === 'promoted' && bp === 10_000);
  if (!isTold) found(` with ${String(bp)} bp on the candidate, but the router says ${String(router.candidateBp)}`);
  return findings;
}

/** Where the result does not name the stable revision: only a promotion changes it. */
function isExpectedStable(result: ReportedResult, stable: string, evidence: Evidence, circumstances: Circumstances): boolean {
  if (evidence.rollouts.length !== 1) return true;
  return (stable === circumstances.stableAtStart) === (result.outcome !== 'promoted');
}

function finding(what: string, at?: number): Finding {
  return at === undefined ? { rule: 'I11', what } : { rule: 'I11', what, at };
}
