/**
 * How long users stay on a candidate that begins to fail half of its requests at 50 %. Several services at a time, each with
 * its own rollout and its own moments of looking, share the candidate and so the onset.
 *
 * The sample is taken from a tap between the worker and the metrics: the answer of the last scrape before the revocation is
 * the first sample on which the judge's rule held, because the judge revokes at the first that fails. The end is HAProxy's
 * acknowledgement of the revocation, as the recorder on its socket saw it; the onset is when the service is told to fail.
 *
 * Run: node --import tsx bench/detect.ts [--runs 30] [--intervals 1,10] [--sources exporter,own,hanging,hanging-with-errors]
 *   [--services 4] [--rate 250]
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
  services: 4,
  /** Requests a second of each service. */
  rate: 250,
});

const SERVICES = Array.from({ length: wanted.services }, (_, k) => `app${String(k + 1)}`);
const HALF_BP = 5_000;
const LEAST_CANDIDATE_RATE = 100;
const SAMPLE_BOUND_MS = 100;
/**
 * Kinds of metric connections, of which each service has its own, by the source that is asked for. The second one answers preflight, which refuses a source that it
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

/** Passes scrapes of `/<what>/<service>` on and remembers when each answer was there. */
class Tap {
  readonly #answeredAt = new Map<string, number[]>();
  /** Paths that begin like this are asked in vain. */
  silent: string | undefined;

  private constructor(
    readonly port: number,
    private readonly server: Server,
  ) {}

  /** Upstreams by what is asked for; looked up at every scrape, because they are known only when everything runs. */
  static async open(upstreams: Readonly<Record<string, string>>): Promise<Tap> {
    const port = await freePort();
    const server = createServer((request, response) => {
      const [path = '', query] = (request.url ?? '/').slice(1).split('?');
      const [what = '', service = ''] = path.split('/');
      if (tap.silent !== undefined && what.startsWith(tap.silent)) return;
      const pass = async (): Promise<void> => {
        const answer = await fetch(`${upstreams[what] ?? ''}${query === undefined ? '' : `?${query}`}`, {
          signal: AbortSignal.timeout(5_000),
        });
        const body = await answer.text();
        tap.#answeredAt.set(service, [...(tap.#answeredAt.get(service) ?? []), Date.now()]);
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' }).end(body);
      };
      pass().catch(() => response.destroy());
    });
    const tap = new Tap(port, server);
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return tap;
  }

  url(what: string, service: string): string {
    return `http://127.0.0.1:${String(this.port)}/${what}/${service}`;
  }

  lastAnswer(service: string, until: number): number | undefined {
    return this.#answeredAt.get(service)?.findLast((at) => at <= until);
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
  services: SERVICES,
  metrics: ({ exporter, blue, green }) => {
    Object.assign(upstreams, { exporter, blue, green, 'second-blue': blue, 'second-green': green });
    const connections = (service: string): Readonly<Record<string, object>> => ({
      [`log-${service}`]: { type: 'scrape', urls: [tap.url('exporter', service)] },
      [`own-${service}`]: ownMetrics([tap.url('blue', service), tap.url('green', service)]),
      [`second-${service}`]: ownMetrics([tap.url('second-blue', service), tap.url('second-green', service)]),
    });
    return Object.assign({}, ...SERVICES.map(connections)) as Readonly<Record<string, object>>;
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
  while (detections.length < wanted.runs) detections.push(...(await detectAll(source, intervalMs)));
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

/** One onset, seen by every service. */
async function detectAll(source: string, intervalMs: number): Promise<readonly Detection[]> {
  const { metrics, hangs } = SOURCES[source]!;
  const users = site.users(wanted.rate * SERVICES.length, 120_000 + 6 * intervalMs);
  try {
    await Promise.all(
      SERVICES.map((service) =>
        site.begin(service, {
          metrics: metrics.map((name) => `${name}-${service}`),
          steps: [50, 100],
          soak: '30m',
          bake: { soak: '30m' },
          warmUp: { hold: '0s' },
          drain: { min: '0s' },
          retry: { max: 0 },
          tick: `${String(intervalMs / 1_000)}s`,
          lease: `${String(10 + (2 * intervalMs) / 1_000 + 5)}s`,
        }),
      ),
    );
    await Promise.all(SERVICES.map((service) => site.untilSoaking(service, HALF_BP, 60_000)));
    const steadyFrom = Date.now();
    if (hangs === 'in-soak') tap.silent = 'second';
    // At least one tick without errors, and then any moment of the next.
    await pause(2_000 + (1 + Math.random()) * intervalMs);
    const linesBefore = site.log.lines.length;
    if (hangs === 'with-errors') tap.silent = 'second';
    const onset = Date.now();
    await site.green.behave({ errors: { kind: 'even', share: 0.5, kinds: ['user'] } });
    return await Promise.all(SERVICES.map((service) => detect(service, { intervalMs, steadyFrom, onset, linesBefore })));
  } finally {
    tap.silent = undefined;
    await site.green.behave({ errors: { kind: 'none' } });
    await users.stop();
  }
}

interface Onset {
  readonly intervalMs: number;
  readonly steadyFrom: number;
  readonly onset: number;
  /** Lines of HAProxy's log from before. */
  readonly linesBefore: number;
}

async function detect(service: string, { intervalMs, steadyFrom, onset, linesBefore }: Onset): Promise<Detection> {
  const revoked = await until(() => revokedAt(site.admin.commands(), service), {
    withinMs: 10_000 + 5 * intervalMs,
    what: `the revocation of ${service}`,
  });
  const ending = await site.ending(service, 60_000);
  const routed = onCandidate(site.log.lines, service).filter(({ at }) => at >= steadyFrom && at < onset);
  return {
    sinceSampleMs: revoked - (tap.lastAnswer(service, revoked) ?? Infinity),
    sinceOnsetMs: revoked - onset,
    lastUserMs: Math.max(0, ...onCandidate(site.log.lines.slice(linesBefore), service).map(({ at }) => at - onset)),
    candidatePerSecond: (routed.length * 1_000) / (onset - steadyFrom),
    cause: `${ending.kind}: ${ending.text}`,
  };
}
