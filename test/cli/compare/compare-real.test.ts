/** `sluice compare` against a real Prometheus and real scrapes: no rollout, no Temporal, no router. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCommandLine } from '../../../src/cli/program.js';
import { untilSeen } from '../../harness/until.js';
import { PrometheusServer, withoutPrometheus } from '../../providers/metrics/prometheus-server.js';
import { recorded } from '../surroundings.js';
import { VersionedPod } from './pods.js';

const skip = withoutPrometheus;
const folder = mkdtempSync(join(tmpdir(), 'sluice-compare-'));

let pods: readonly VersionedPod[] = [];
let prometheus: PrometheusServer;
let serving: NodeJS.Timeout;

before(async () => {
  pods = await Promise.all(['41', '42', '43'].map((version) => VersionedPod.start(version)));
  // 43 answers every fifth request with a 5xx.
  serving = setInterval(() => {
    pods.forEach((pod, k) => {
      pod.serve(k === 2 ? 40 : 50, k === 2 ? 10 : 0);
    });
  }, 200);
  const targets = pods.map(({ server }) => new URL(server.url).host);
  if (skip === false) prometheus = await PrometheusServer.start({ pods: targets });
  const naming = {
    labels: { service: 'service', revision: 'version' },
    names: { requests: 'http_requests_total', latency: 'http_latency_seconds' },
  };
  const config = {
    environments: { test: { production: false } },
    routers: { edge: { type: 'edge', control: 'http://127.0.0.1:9', public: 'http://127.0.0.1:9', token: { env: 'NOBODY' } } },
    metrics: {
      ...(skip === false && { prod: { type: 'prometheus', url: prometheus.url, scrapeInterval: '1s', ...naming } }),
      direct: { type: 'scrape', urls: pods.map(({ server }) => server.url), ...naming },
    },
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'sluice.config.yaml'), JSON.stringify(config));
  const identity = { service: 'app', environment: 'test', candidate: { release: '42', revision: 'green' } };
  writeFileSync(
    join(folder, 'rollout.yaml'),
    JSON.stringify({ ...identity, router: 'edge', metrics: 'direct', profile: 'rehearsal' }),
  );
});

after(async () => {
  clearInterval(serving);
  if (skip === false) await prometheus.stop();
  await Promise.all(pods.map(({ server }) => server.stop()));
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly exit: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

async function compare(...words: readonly string[]): Promise<Ended> {
  const { surroundings, out, err } = recorded({ cwd: folder, now: Date.now });
  const exit = await runCommandLine(['compare', ...words], surroundings);
  return { exit, out, err };
}

const pair = (stable: string, candidate: string): readonly string[] => [
  '--stable',
  `version="${stable}"`,
  '--candidate',
  `version="${candidate}"`,
];

test('two versions that are alike pass, and one that is worse fails with its sentence', { skip }, async () => {
  const worse = await untilSeen(
    () => compare('--source', 'prod', ...pair('41', '43'), '--since', '20s'),
    ({ exit, out }) => exit === 2 && out.length > 2,
    { withinMs: 40_000, what: 'enough of a past', everyMs: 500 },
  );
  assert.match(worse.out[0] ?? '', /^prod: candidate \{version="43"\} against stable \{version="41"\}, \d+ s in \d+ looks$/);
  assert.match(
    worse.out.join('\n'),
    /^5xx: candidate [\d,]+ of [\d,]+ \(20\.\d %\), stable 0 of [\d,]+ \(0 %\): at least [\d.]+ points worse \(tolerance 0\.05\)\. Failed after \d+ s\. False-alarm budget used: [\d.]+ of 1 %\.$/m,
  );
  assert.equal(worse.out.at(-1), 'fail');
  const alike = await untilSeen(
    () =>
      compare(
        '--source',
        'prod',
        ...pair('41', '42'),
        '--since',
        '20s',
        '--service',
        'app',
        '--policy',
        'rollout.yaml',
        '-o',
        'json',
      ),
    ({ exit }) => exit === 0,
    { withinMs: 40_000, what: 'a pass', everyMs: 500 },
  );
  const found = JSON.parse(alike.out.join('')) as {
    verdict: string;
    gates: { gate: string; verdict: string }[];
    weightBp: number;
  };
  assert.deepEqual(
    [found.verdict, found.gates.map(({ gate, verdict }) => `${gate} ${verdict}`)],
    ['pass', ['errors pass', 'latency pass']],
  );
  assert.ok(Math.abs(found.weightBp - 5_000) < 500, String(found.weightBp));
});

test('a version that nobody runs is no data, never a pass', { skip }, async () => {
  const { exit, err } = await compare('--source', 'prod', ...pair('41', '99'), '--since', '10s');
  assert.equal(exit, 1);
  assert.match(err.join('\n'), /no data: errors: no series of http_requests_total for candidate/);
  assert.equal(err.at(-1), 'sluice: blind');
});

test('an address that is watched from now on needs no past, and ends at the first failure', async () => {
  const { exit, out } = await compare('--source', 'direct', ...pair('41', '43'), '--watch', '1m');
  assert.equal(exit, 2);
  assert.match(out.join('\n'), /^5xx: candidate .*Failed after \d s/m);
});
