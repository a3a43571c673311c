/**
 * A living worker never lets a lease lapse. Three services soak at 50 % under load: with the lease and the tick of the profile
 * `standard`, and with the least lease that a tick of 5 s and one of 1 s allow. HAProxy's log says of each request whether the
 * lease lived when it was routed; the recorder on its socket says when each renewal was acknowledged, and what was left by then.
 *
 * Run: npm run build && node --import tsx bench/lease.ts [--minutes 10] [--rate 300]
 */
import { setTimeout as pause } from 'node:timers/promises';
import { hasFailed } from '../test/harness/load.js';
import type { RecordedCommand } from '../test/harness/socket-recorder.js';
import { printBound, printLoad, printTimes, quantile, readArguments } from './figures.js';
import { entryOf } from './route-truth.js';
import { Site } from './support.js';

const wanted = readArguments({
  minutes: 10,
  /** Requests a second of all services together. */
  rate: 300,
});

interface Case {
  readonly service: string;
  readonly leaseS: number;
  readonly tickS: number;
}

/** `spec` wants two ticks and ten seconds at least. */
const CASES: readonly Case[] = [
  { service: 'standard', leaseS: 30, tickS: 5 },
  { service: 'least-at-5s', leaseS: 20, tickS: 5 },
  { service: 'least-at-1s', leaseS: 12, tickS: 1 },
];
const HALF_BP = 5_000;
const SOAK_MS = wanted.minutes * 60_000;

/** Acknowledged grants of a service's newest ramp: when, and until when by HAProxy's clock, which is this machine's. */
function grantsOf(
  commands: readonly RecordedCommand[],
  service: string,
): readonly { readonly at: number; readonly until: number }[] {
  const ramp = commands.flatMap(({ command }) => entryOf(command, 'ramps', service)).at(-1);
  if (ramp === undefined) return [];
  return commands.flatMap(({ command, answer, answeredAt }) =>
    answer !== '' || answeredAt === undefined
      ? []
      : entryOf(command, 'leases', ramp).map((expiryS) => ({ at: answeredAt, until: Number(expiryS) * 1_000 })),
  );
}

printLoad('start');
const site = await Site.start({
  services: CASES.map(({ service }) => service),
  metrics: ({ exporter }) => ({ log: { type: 'scrape', urls: [exporter] } }),
});
const users = site.users(wanted.rate, SOAK_MS + 600_000);
try {
  for (const { service, leaseS, tickS } of CASES)
    await site.begin(service, {
      steps: [{ weight: 50, soak: '2h' }, 100],
      lease: `${String(leaseS)}s`,
      tick: `${String(tickS)}s`,
    });
  await Promise.all(CASES.map(({ service }) => site.untilSoaking(service, HALF_BP, 300_000)));
  const from = Date.now();
  await pause(SOAK_MS);
  const to = Date.now();
  const commands = site.admin.commands();
  for (const { service } of CASES) await site.abort(service).acknowledged;
  console.log(`\n${((to - from) / 60_000).toFixed(1)} minutes at 50 %, ${String(wanted.rate)} requests a second`);
  for (const { service, leaseS, tickS } of CASES) {
    const grants = grantsOf(commands, service).filter(({ at }) => at <= to);
    const renewals = grants.slice(1).map(({ at }, index) => ({ at, leftMs: (grants[index]?.until ?? at) - at }));
    const inSoak = renewals.filter(({ at }) => at >= from);
    const lines = site.log.lines.filter(({ svc, at, why }) => svc === service && why !== 'pin' && at >= from && at <= to);
    const lapsed = lines.filter(({ why }) => why === 'no-lease');
    const candidate = lines.filter(({ slot }) => slot === 'green').length;
    console.log(
      `\nlease ${String(leaseS)} s, tick ${String(tickS)} s: ${String(lines.length)} requests, ${String(candidate)} on the candidate`,
    );
    const left = inSoak.map(({ leftMs }) => leftMs);
    printTimes('time left when renewed', left);
    console.log(`  the least: ${quantile(left, 0).toFixed(0)} ms`);
    printBound('no request met a lapsed lease', String(lapsed.length), lapsed.length === 0 && candidate > 0);
  }
  await Promise.all(CASES.map(({ service }) => site.ending(service, 60_000)));
  const failed = users.records.filter(hasFailed).length;
  printBound('no request failed', String(failed), failed === 0);
} finally {
  await users.stop();
  await site.stop();
}
printLoad('end');
