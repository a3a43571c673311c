/** Identical releases: how often each rule rolls them back for errors (judge.md 4.1). */
import { openEvidence, judge } from '../../src/judge/judge.js';
import type { StepPolicy } from '../../src/domain/policy.js';
import type { Evidence } from '../../src/domain/verdict.js';
import { experiment, markdown, percent, shareOf } from './experiment.js';
import { alone, defaultAlpha, STANDARD, stepsOf } from './policies.js';
import { RIVALS, type RivalName } from './rivals.js';
import { independent, NOTHING, plus, sample, ticks } from './streams.js';

export const ERROR_RATES = [0, 0.0001, 0.001, 0.01];
export const RATES = [20, 200, 2_000];
export const GRID = RATES.flatMap((rps) => ERROR_RATES.map((errorRate) => ({ rps, errorRate })));
/** Sorting all pairs is dear; the judge of judge.md 4.1 had as many. */
const MANN_WHITNEY_RUNS = 200;
const MOST_FALSE = 0.002;
/** Where no error can come, nothing can be decided between two looks a minute apart. */
const CALM_TICK_MS = 60_000;

/** The steps at which a stable runs beside the candidate, for the errors alone with what the product gives them of alpha. */
export const ERROR_STEPS: readonly StepPolicy[] = stepsOf(STANDARD)
  .slice(0, -1)
  .map((step) => alone(step, 'errors', defaultAlpha('errors')));

type Outcome = { readonly judge: boolean } & Partial<Record<RivalName, boolean>>;
const names = Object.keys(RIVALS) as RivalName[];

export const identical = experiment({
  name: 'identical',
  title: 'Identical releases rolled back for errors, 1 → 5 → 25 → 50 %, ten minutes each',
  runs: { full: 2_000, quick: 4 },
  cells: GRID,
  run: ({ rps, errorRate }, random, run): Outcome => {
    const failed = new Set<string>();
    const against = names.filter((name) => name !== 'Mann-Whitney' || run < MANN_WHITNEY_RUNS);
    const pattern = independent(random, errorRate);
    let evidence: Evidence | undefined;
    for (const step of ERROR_STEPS) {
      const next = ticks(random, pattern, rps, step.weightBp / 10_000, STANDARD.tickMs);
      const rivals = against.map((name) => ({ name, rival: RIVALS[name]() }));
      evidence = openEvidence(step, evidence);
      let sofar = NOTHING;
      for (let elapsedMs = STANDARD.tickMs; elapsedMs <= step.soakMs; elapsedMs += STANDARD.tickMs) {
        const tick = next();
        sofar = plus(sofar, tick);
        for (const { name, rival } of rivals) if (!failed.has(name) && rival.fails(elapsedMs, tick)) failed.add(name);
        if (failed.has('judge') || (errorRate === 0 && elapsedMs % CALM_TICK_MS !== 0)) continue;
        const judged = judge(step, evidence, { errors: sample(elapsedMs, sofar) });
        evidence = judged.evidence;
        if (judged.verdicts[0]?.verdict === 'fail') failed.add('judge');
      }
      if (failed.size === against.length + 1) break;
    }
    return {
      judge: failed.has('judge'),
      ...(Object.fromEntries(against.map((name) => [name, failed.has(name)])) as Partial<Record<RivalName, boolean>>),
    };
  },
  report: (cells) => {
    const rows = cells.map(({ cell, outcomes }) => ({
      ...cell,
      runs: outcomes.length,
      judge: shareOf(outcomes, (outcome) => outcome.judge),
      ...Object.fromEntries(
        names.map((name) => [
          name,
          shareOf(
            outcomes.filter((outcome) => name in outcome),
            (outcome) => outcome[name] === true,
          ),
        ]),
      ),
    })) as ({ rps: number; errorRate: number; runs: number; judge: number } & Record<RivalName, number>)[];
    return {
      rows,
      table: markdown(
        ['requests/s', 'error rate of both', 'Sluice', ...names],
        rows.map((row) => [
          String(row.rps),
          percent(row.errorRate),
          percent(row.judge),
          ...names.map((name) => percent(row[name])),
        ]),
      ),
      bounds: rows.map(({ rps, errorRate, judge: share }) => ({
        what: `identical releases, errors, ${rps} requests/s, ${percent(errorRate)}: false rollback ≤ ${percent(MOST_FALSE)}`,
        found: percent(share),
        held: share <= MOST_FALSE,
      })),
    };
  },
});
