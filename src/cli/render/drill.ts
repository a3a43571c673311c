import { percent } from '../../domain/telling.js';
import { isWithin, type Drilled, type DrillReport } from '../drill/drilled.js';
import type { UserCounts } from '../drill/users.js';
import { inWords } from './durations.js';
import { table } from './table.js';

/** `worker-dead  14.2 s  31 s  lease  within`. */
export function drillLines({ drills, users }: DrillReport): readonly string[] {
  const rows = drills.map((drilled) => [
    drilled.fault,
    tookOf(drilled),
    drilled.kind === 'unprotected' ? '–' : inWords(drilled.bound.withinMs),
    drilled.bound.by,
    resultOf(drilled),
  ]);
  return [
    ...table([['fault', 'time to 0 %', 'bound', 'bound by', ''], ...rows]),
    ...(users === undefined ? [] : ['', usersLine(users)]),
  ];
}

const usersLine = ({ requests, failed, failure }: UserCounts): string =>
  `${requests} requests of the drill's own users, ${failed} failed${failure === undefined ? '' : `, the last one: ${failure}`}`;

const inSeconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

function tookOf(drilled: Drilled): string {
  if (drilled.kind === 'back') return inSeconds(drilled.tookMs);
  return drilled.kind === 'still-out' ? `> ${inSeconds(drilled.lookedMs)}` : '–';
}

function resultOf(drilled: Drilled): string {
  switch (drilled.kind) {
    case 'back':
      return `${isWithin(drilled) ? 'within' : 'LATE'}: ${drilled.lease === 'lapsed' ? 'the lease lapsed' : 'the ramp was revoked'}`;
    case 'still-out':
      return `STILL AT ${percent(drilled.weightBp)}: the drill revoked its ramp${drilled.fault === 'errors' ? '; with more users (--rps) a gate sees more' : ''}`;
    case 'unprotected':
      return 'UNPROTECTED: the router holds no lease; nothing was broken';
    case 'not-played':
      return `not played: ${drilled.why}`;
  }
}
