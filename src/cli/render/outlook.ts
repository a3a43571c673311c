import { percent } from '../../domain/telling.js';
import type { Detection } from '../../judge/detection.js';
import type { Passing } from '../../judge/passing.js';
import { formatDuration } from '../../spec/durations.js';
import { formatShare } from '../../spec/percent.js';
import { ERROR_RATES, LATENCY_RATIOS, type Expected, type Outlook, type StepOutlook } from '../plan/outlook.js';
import { table } from './table.js';
import { thousands } from './text.js';

/** Two tables: what is found in which time, and whether a healthy release gets through. */
export function outlookLines({ expected, steps }: Outlook): readonly string[] {
  const hasErrors = steps.some(({ errors }) => errors !== undefined);
  const hasLatency = steps.some(({ latency }) => latency !== undefined);
  if (expected.requestsPerSecond === 0) return ['what it can see at 0 requests a second: nothing'];
  if (!hasErrors && !hasLatency) return [];
  const head = [
    ...(hasErrors ? ERROR_RATES.map((rate) => `5xx ${formatShare(rate)}`) : []),
    ...(hasLatency ? LATENCY_RATIOS.map((ratio) => `p95 ×${ratio}`) : []),
  ];
  return [
    ...inTraffic(expected),
    'found within: median/95 of 100, in seconds; – not within the soak; · stable is as bad',
    ...table([
      ['weight', 'soak', ...head],
      ...steps.map((step) => [
        percent(step.weightBp),
        formatDuration(step.soakMs),
        ...(step.errors ?? []).map(found),
        ...(step.latency ?? []).map(found),
      ]),
    ]),
    ...(hasErrors ? ['', ...passingLines(steps)] : []),
  ];
}

function inTraffic({ requestsPerSecond, errorRate, rpsAssumed, errorRateAssumed }: Expected): readonly string[] {
  const assumed = [...(rpsAssumed ? ['--rps (or capacity.expectedRps)'] : []), ...(errorRateAssumed ? ['--error-rate'] : [])];
  return [
    `what it can see at ${requestsPerSecond} requests a second with ${formatShare(errorRate)} errors on stable`,
    ...(assumed.length === 0 ? [] : [`assumed, since nobody says otherwise: give ${assumed.join(' and ')}`]),
  ];
}

function found(detection: Detection | undefined): string {
  if (detection === undefined) return '·';
  const seconds = (ms: number | undefined): string => (ms === undefined ? '–' : String(Math.ceil(ms / 1_000)));
  const { medianMs, p95Ms } = detection;
  return medianMs === undefined ? '–' : `${seconds(medianMs)}/${seconds(p95Ms)}`;
}

function passingLines(steps: readonly StepOutlook[]): readonly string[] {
  return [
    'a release as good as stable: candidate requests within the soak and needed for a pass of 5xx,',
    'and how many of 100 have passed at the end of the soak, and of its extension',
    ...table([
      ['weight', 'alpha', 'in soak', 'needed', 'at soak', 'extended', 'bad requests allowed next', 'by'],
      ...steps.flatMap(({ weightBp, passing }) => (passing === undefined ? [] : [passingRow(percent(weightBp), passing)])),
    ]),
  ];
}

function passingRow(weight: string, passing: Passing): readonly string[] {
  const { alpha, requests, requestsNeeded, atSoak, atSoakMax, budget, reason } = passing;
  const hundred = (share: number): string => String(Math.round(share * 100));
  return [
    weight,
    formatShare(alpha),
    thousands(requests),
    requestsNeeded === undefined ? 'too many' : thousands(Math.ceil(requestsNeeded)),
    hundred(atSoak),
    hundred(atSoakMax),
    budget === undefined ? '–' : thousands(budget),
    WAYS[reason] ?? reason,
  ];
}

const WAYS: Partial<Record<Passing['reason'], string>> = {
  certified: 'certified',
  'accepted-by-budget': 'the budget',
  'within-tolerance': 'not failing',
  uncertain: 'nothing: uncertain',
  'too-few-requests': 'nothing: too few requests',
  'no-baseline': 'nothing: no traffic',
  'no-canary': 'nothing: no traffic',
};
