/**
 * How long users stay on a candidate that begins to fail half of its requests at 25 %.
 *
 * The sample is taken from a tap between the worker and the metrics: the answer of the last scrape before the revocation is
 * the first sample on which the judge's rule held, because the judge revokes at the first that fails. The end is HAProxy's
 * acknowledgement of the revocation, as the recorder on its socket saw it; the onset is when the service is told to fail.
 *
 * Run: node --import tsx bench/detect.ts [--runs 30] [--intervals 1,10] [--sources exporter,own,hanging,hanging-with-errors] [--rate 450]
 */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../test/harness/ports.js';
import { until } from '../test/harness/until.js';
import { printBound, printLoad, printTimes, quantile, readArguments } from './figures.js';
import { onCandidate, revokedAt } from './route-truth.js';
import { ownMetrics, Site } from './support.js';

const wanted = readArguments({
  runs: 30,
  intervals: ['1', '10'],
  sources: ['exporter', 'own', 'hanging', 'hanging-with-errors'],
  rate: 450,
});

const SERVICE = 'app';
const QUARTER_BP = 2_500;
const LEAST_CANDIDATE_RATE = 100;
const SAMPLE_BOUND_MS = 100;
/**
 * Metric connections by the source that is asked for. The second one answers preflight, which refuses a source that it
 * cannot read, and then never again: from the soak on, or from the very moment at which the errors begin.
 */
const SOURCES: Readonly<Record<string, { readonly metrics: readonly string[]; readonly hangs?: 'in-soak' | 'with-errors' }>> = {
  exporter: { metrics: ['log'] },
  own: { metrics: ['own'] },
  hanging: { metrics: ['log', 'second'], hangs: 'in-soak' },
  'hanging-with-errors': { metrics: ['log', 'second'], hangs: 'with-errors' },
};

interface Detection {
  readonly sinceSampleMs: number;
  readonly sinceOnsetMs: number;
  readonly lastUserMs: number;
  readonly candidatePerSecond: number;
  readonly cause: string;
}

/** Passes scrapes on and remembers when each answer was there. */
class Tap {
  readonly answeredAt: number[] = [];
  /** Paths that begin like this are asked in vain. */
  silent: string | undefined;

  private constructor(
    readonly port: number,
    private readonly server: Server,
  ) {}

  /** Upstreams by path; looked up at every scrape, because they are known only when everything runs. */
  static async open(upstreams: Readonly<Record<string, string>>): Promise<Tap> {
    const port = await freePort();
    const server = createServer((request, response) => {
      const [path = '', query] = (request.url ?? '/').slice(1).split('?');
      if (tap.silent !== undefined && path.startsWith(tap.silent)) return;
      const pass = async (): Promise<void> => {
        const answer = await fetch(`${upstreams[path] ?? ''}${query === undefined ? '' : `?${query}`}`, {
          signal: AbortSignal.timeout(5_000),
        });
        const body = await answer.text();
        tap.answeredAt.push(Date.now());
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' }).end(body);
      };
      pass().catch(() => response.destroy());
    });
    const tap = new Tap(port, server);
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return tap;
  }

  url(path: string): string {
    return `http://127.0.0.1:${String(this.port)}/${path}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

const unknown = wanted.sources.find((source) => !(source in SOURCES));
if (unknown !== undefined) throw new Error(`--sources: found ${unknown}, known are ${Object.keys(SOURCES).join(', ')}`);

printLoad('start');
const upstreams: Record<string, string> = {};
const tap = await Tap.open(upstreams);
const site = await Site.start({
  services: [SERVICE],
  metrics: ({ exporter, blue, green }) => {
    Object.assign(upstreams, { exporter, blue, green, 'second-blue': blue, 'second-green': green });
    return {
      log: { type: 'scrape', urls: [tap.url('exporter')] },
      own: ownMetrics([tap.url('blue'), tap.url('green')]),
      second: ownMetrics([tap.url('second-blue'), tap.url('second-green')]),
    };
  },
});
try {
  for (const source of wanted.sources) for (const interval of wanted.intervals) await series(source, Number(interval) * 1_000);
} finally {
  await site.stop();
  tap.close();
}
printLoad('end');

async function series(source: string, intervalMs: number): Promise<void> {
  const detections: Detection[] = [];
  for (let n = 0; n < wanted.runs; n++) detections.push(await detect(source, intervalMs));
  const rate = Math.min(...detections.map(({ candidatePerSecond }) => candidatePerSecond));
  console.log(`\nsource ${source}, samples every ${String(intervalMs / 1_000)} s, candidate ≥ ${rate.toFixed(0)} requests/s`);
  if (rate < LEAST_CANDIDATE_RATE) console.log(`  (the bounds are for ${String(LEAST_CANDIDATE_RATE)} and more)`);
  printTimes(
    'first failing sample → route at 0 %',
    detections.map(({ sinceSampleMs }) => sinceSampleMs),
    [{ quantile: 1, atMostMs: SAMPLE_BOUND_MS }],
  );
  const totals = detections.map(({ sinceOnsetMs }) => sinceOnsetMs);
  printTimes('onset → route at 0 %', totals, [{ quantile: 1, atMostMs: 2 * intervalMs + SAMPLE_BOUND_MS }]);
  const intervals = (share: number): string => (quantile(totals, share) / intervalMs).toFixed(2);
  console.log(`  in intervals: p50 ${intervals(0.5)}, p90 ${intervals(0.9)}, max ${intervals(1)}`);
  printTimes(
    'onset → last request routed to the candidate',
    detections.map(({ lastUserMs }) => lastUserMs),
  );
  const byGate = detections.filter(({ cause, sinceOnsetMs }) => /^rolled-back.*5xx/.test(cause) && sinceOnsetMs > 0).length;
  printBound(`all ${String(detections.length)} rolled back by the gate`, `${String(byGate)} were`, byGate === detections.length);
  console.log(`  the first: ${detections[0]?.cause ?? 'none'}`);
}

async function detect(source: string, intervalMs: number): Promise<Detection> {
  const { metrics, hangs } = SOURCES[source]!;
  const users = site.users(wanted.rate, 120_000 + 6 * intervalMs);
  try {
    await site.begin(SERVICE, {
      metrics,
      steps: [25, 100],
      soak: '30m',
      warmUp: { hold: '0s' },
      drain: { min: '0s' },
      retry: { max: 0 },
      tick: `${String(intervalMs / 1_000)}s`,
      lease: `${String(10 + (2 * intervalMs) / 1_000 + 5)}s`,
    });
    await site.untilSoaking(SERVICE, QUARTER_BP, 60_000);
    const steadyFrom = Date.now();
    if (hangs === 'in-soak') tap.silent = 'second';
    // At least one tick without errors, and then any moment of the next.
    await pause(2_000 + (1 + Math.random()) * intervalMs);
    const before = site.log.lines.length;
    if (hangs === 'with-errors') tap.silent = 'second';
    const onset = Date.now();
    await site.green.behave({ errors: { kind: 'even', share: 0.5, kinds: ['user'] } });
    const revoked = await until(() => revokedAt(site.admin.commands(), SERVICE), {
      withinMs: 10_000 + 5 * intervalMs,
      what: 'the revocation',
    });
    const ending = await site.ending(SERVICE, 60_000);
    const since = (moment: number | undefined): number => revoked - (moment ?? Infinity);
    const routed = onCandidate(site.log.lines, SERVICE).filter(({ at }) => at >= steadyFrom && at < onset);
    return {
      sinceSampleMs: since(tap.answeredAt.findLast((at) => at <= revoked)),
      sinceOnsetMs: since(onset),
      lastUserMs: Math.max(0, ...onCandidate(site.log.lines.slice(before), SERVICE).map(({ at }) => at - onset)),
      candidatePerSecond: (routed.length * 1_000) / (onset - steadyFrom),
      cause: `${ending.kind}: ${ending.text}`,
    };
  } finally {
    tap.silent = undefined;
    await site.green.behave({ errors: { kind: 'none' } });
    await users.stop();
  }
}
