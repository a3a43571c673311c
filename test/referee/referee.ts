/**
 * The referee: holds the record of a whole run against the rules, knowing nothing of how the product works inside. Run it
 * after every integration and crash test; an empty list means that all rules hold.
 */
import assert from 'node:assert/strict';
import { completeRecord } from './complete-record.js';
import { soak } from './a22-soak.js';
import type { Circumstances, Evidence, Finding, Rule } from './evidence.js';
import { exitCodes } from './exit-codes.js';
import { ladder } from './i1-ladder.js';
import { afterRollback } from './i2-after-rollback.js';
import { onlyPassAdvances } from './i3-only-pass.js';
import { orderedWrites } from './i7-ordered-writes.js';
import { outcome } from './i11-outcome.js';
import { durablePromotion } from './i13-durable-promotion.js';
import { lease } from './lease.js';
import { noFailedRequest } from './no-failed-request.js';
import { failureFirst } from './r9-failure-first.js';
import { oldRevisionIsLeftAlone } from './r15-old-revision.js';
import { uncutStreams } from './r16-uncut-streams.js';

export const RULES: readonly Rule[] = [
  completeRecord,
  ladder,
  afterRollback,
  onlyPassAdvances,
  orderedWrites,
  outcome,
  durablePromotion,
  failureFirst,
  oldRevisionIsLeftAlone,
  uncutStreams,
  noFailedRequest,
  lease,
  soak,
  exitCodes,
];

/** All findings, in the order of the rules. */
export function judge(evidence: Evidence, circumstances: Circumstances): Finding[] {
  return RULES.flatMap((rule) => rule(evidence, circumstances));
}

/** For tests: fails with every finding in words. */
export function assertUpheld(evidence: Evidence, circumstances: Circumstances): void {
  const findings = judge(evidence, circumstances);
  const report = findings.map((finding) => `${finding.rule}: ${finding.what}`).join('\n');
  assert.equal(findings.length, 0, `the referee found:\n${report}`);
}
