/** Three rollouts of a real service through a real router on a real Temporal: one promoted, one rolled back, one that waits for a person. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { SluiceClient } from '../../client/index.js';
import { rolloutId } from '../../contract/names.js';
import { freePort } from '../../worker/free-ports.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import type { Surroundings } from '../surroundings.js';
import { resolveTemporal, startTemporalServer } from '../dev/temporal-server.js';
import { untilAborted } from '../until-aborted.js';
import { isReady, sluice, startChild } from './children.js';
import { startLoad } from './load.js';
import { ENVIRONMENT, SERVICE, setStage, type Slot, type Stage } from './stage.js';

export interface DemoOptions {
  readonly keep: boolean;
  readonly edge: boolean;
  readonly rps: number;
}

interface Act {
  readonly title: string;
  readonly release: string;
  readonly slot: Slot;
  /** A connection pool that is too small above so many requests a second. */
  readonly poolRps?: number;
  readonly approval: boolean;
  readonly expected: ExitCode;
  readonly meaning: string;
}

const ACTS: readonly Act[] = [
  { title: 'a healthy release', release: 'v2', slot: 'green', approval: false, expected: EXIT.ok, meaning: 'promoted' },
  {
    title: 'a release that is fine at 5 % and collapses at 25 %',
    release: 'v3',
    slot: 'blue',
    poolRps: 45,
    approval: false,
    expected: EXIT.rolledBack,
    meaning: 'rolled back by itself',
  },
  {
    title: 'a release that waits for an approval before 25 %',
    release: 'v4',
    slot: 'blue',
    approval: true,
    expected: EXIT.ok,
    meaning: 'approved, promoted',
  },
];

const TARGET = { service: SERVICE, environment: ENVIRONMENT };

export async function demo(surroundings: Surroundings, options: DemoOptions): Promise<ExitCode> {
  const { out, env } = surroundings;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-demo-'));
  const endings: (() => Promise<void>)[] = [];
  const begun = performance.now();
  let isWhole = false;
  const interrupted = surroundings.interrupted();
  try {
    const temporal = await temporalFor(surroundings, folder);
    endings.unshift(temporal.stop);
    const stage = await setStage({ folder, temporalAddress: temporal.address, edge: options.edge });
    endings.unshift(() => stage.stop());
    await stage.deploy('blue', 'v1');
    await stage.deploy('green', 'v1');
    const metricsPort = await freePort();
    const worker = await startChild(
      {
        name: 'worker',
        file: process.execPath,
        arguments: sluice('worker', '--config', stage.configFile, '--port', String(metricsPort)),
        environment: stage.environment,
        logFile: join(folder, 'worker.log'),
      },
      () => isReady(`http://127.0.0.1:${metricsPort}/readyz`),
    );
    endings.unshift(() => worker.stop());
    const load = startLoad(stage.publicUrl, options.rps, { ask: '/ask?q=what+is+a+canary', stream: '/stream?q=what+is+a+drain' });
    endings.unshift(() => load.stop());
    out(`Router: ${stage.router} at ${stage.publicUrl} · load: ${options.rps} requests a second and four open streams`);
    out(
      `Temporal: ${temporal.address}${temporal.uiUrl === undefined ? '' : ` · UI: ${temporal.uiUrl}/namespaces/default/workflows/${encodeURIComponent(rolloutId(TARGET))}`}`,
    );
    out(`Files and logs: ${folder}`);
    const client = await SluiceClient.connect({ address: temporal.address, namespace: env['TEMPORAL_NAMESPACE'] ?? 'default' });
    endings.unshift(() => client.close());
    let wrong = 0;
    for (const [index, act] of ACTS.entries()) {
      if (interrupted.aborted) return EXIT.error;
      out(`\n── ${index + 1} of ${ACTS.length}: ${act.title} ──`);
      const code = await play(surroundings, stage, client, act, folder);
      const fine = code === act.expected;
      if (!fine) wrong += 1;
      out(`${fine ? '✓' : '✗'} ${act.release}: exit code ${code}, expected ${act.expected} (${act.meaning})`);
    }
    const { requests, failed, streams, streamsCut } = load.counts();
    out(
      `\n${requests} requests, ${failed} failed (only the bad release's own answers) · ${streams} streams, ${streamsCut} cut · ${Math.round((performance.now() - begun) / 1_000)} s`,
    );
    if (options.keep) {
      out('Everything goes on running (--keep); Ctrl-C ends it.');
      await untilAborted(interrupted);
    }
    isWhole = wrong === 0;
    return isWhole ? EXIT.ok : EXIT.error;
  } finally {
    for (const end of endings)
      await end().catch((error: unknown) => {
        surroundings.err(`sluice: ${String(error)}`);
      });
    // The logs say why it went wrong.
    if (isWhole && !options.keep) rmSync(folder, { recursive: true, force: true });
  }
}

async function play(surroundings: Surroundings, stage: Stage, client: SluiceClient, act: Act, folder: string): Promise<number> {
  await stage.deploy(act.slot, act.release, act.poolRps);
  const file = join(folder, `${act.release}.yaml`);
  writeFileSync(file, rolloutFile(act));
  surroundings.out(`$ sluice start ${act.release}.yaml --watch`);
  const started = run(surroundings, stage, ['start', file, '--config', stage.configFile, '--watch', '--by', 'pipeline']);
  if (act.approval) void approveWhenAsked(surroundings, stage, client);
  return started;
}

async function approveWhenAsked(surroundings: Surroundings, stage: Stage, client: SluiceClient): Promise<void> {
  const interrupted = surroundings.interrupted();
  while (!interrupted.aborted) {
    await pause(500);
    const seen = await client.status(TARGET);
    if (
      seen.kind === 'open' &&
      seen.status.step >= 2 &&
      seen.status.blockers.some(({ kind }) => kind === 'awaiting-approval') &&
      seen.status.weightBp > 100
    )
      break;
  }
  await pause(2_000);
  surroundings.out(`$ sluice approve ${SERVICE} --env ${ENVIRONMENT} --reason "looked at the dashboards"`);
  await run(surroundings, stage, [
    'approve',
    SERVICE,
    '--env',
    ENVIRONMENT,
    '--config',
    stage.configFile,
    '--by',
    'you',
    '--reason',
    'looked at the dashboards',
  ]);
}

function rolloutFile({ release, slot, approval, poolRps }: Act): string {
  return [
    `service: ${SERVICE}`,
    `environment: ${ENVIRONMENT}`,
    `candidate: {release: ${release}, revision: ${slot}}`,
    'router: demo-router',
    'metrics: demo-exporter',
    'profile: rehearsal',
    'warmUp: {path: /warm}',
    'probes: {path: "/ask?q=what+is+a+canary"}',
    '# Two cores and a laptop’s scheduler: latency is shown, errors decide.',
    'gates: {latency: {mode: observe}}',
    ...(poolRps === undefined
      ? []
      : [
          '# The first failure ends it; by default one more ramp is tried, and a second failure at the step freezes.',
          'retry: {max: 0}',
        ]),
    ...(approval ? ['steps: [1, 5, {weight: 25, approval: {count: 1, notTheStarter: true}}, 50, 100]'] : []),
    '',
  ].join('\n');
}

/** The real command line as a process; its lines are shown as they come. */
function run({ out, err }: Surroundings, { environment }: Stage, words: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, sluice(...words), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  forEachLine(child.stdout, (line) => {
    out(`  ${line}`);
  });
  forEachLine(child.stderr, (line) => {
    err(`  ${line}`);
  });
  return new Promise((resolve) =>
    child.once('close', (code) => {
      resolve(code ?? EXIT.error);
    }),
  );
}

function forEachLine(stream: NodeJS.ReadableStream, use: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(use);
  });
  stream.on('end', () => {
    if (rest !== '') use(rest);
  });
}

interface DemoTemporal {
  readonly address: string;
  readonly uiUrl?: string;
  readonly stop: () => Promise<void>;
}

async function temporalFor({ env, out }: Surroundings, folder: string): Promise<DemoTemporal> {
  const found = await resolveTemporal({ env, beforeDownload: out });
  if (found.kind === 'running') return { address: found.address, stop: () => Promise.resolve() };
  return startTemporalServer({ binary: found.path, port: 0, uiPort: 0, databaseFile: join(folder, 'temporal.db') });
}
