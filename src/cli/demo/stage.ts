/** What the demo runs on: a router, two slots of a real service behind it, the exporter, and the files that a platform team would write. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEdge } from '../../dataplane/edge/edge.js';
import { startExporter } from '../../dataplane/exporter/exporter.js';
import { haproxyConfiguration, haproxyRunFiles } from '../../providers/routers/haproxy/configuration.js';
import { freePorts } from '../../worker/free-ports.js';
import { answers, startChild, type Child } from './children.js';
import { deployFiles } from './answers.js';

export const SERVICE = 'answer-api';
export const ENVIRONMENT = 'demo';
export type Slot = 'blue' | 'green';

export interface Stage {
  readonly router: 'HAProxy' | 'the embedded edge';
  readonly publicUrl: string;
  readonly configFile: string;
  /** What the worker's configuration refers to by name. */
  readonly environment: Readonly<Record<string, string>>;
  /** Replaces what runs in a slot, as a deployment would. */
  deploy(slot: Slot, release: string, poolRps?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface StageOptions {
  readonly folder: string;
  readonly temporalAddress: string;
  /** Take the embedded edge even where HAProxy is installed. */
  readonly edge: boolean;
}

const SAMPLE_SERVICE = fileURLToPath(
  new URL(`./sample-service${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);

export async function setStage({ folder, temporalAddress, edge }: StageOptions): Promise<Stage> {
  const [publicPort, control, blue, green] = (await freePorts(4)) as [number, number, number, number];
  const token = randomBytes(16).toString('hex');
  const slots = { blue, green };
  const exporter = await startExporter({ udpPort: 0, httpPort: 0, services: [{ name: SERVICE }] });
  const services = new Map<Slot, Child>();
  const parts = { folder, token, publicPort, control, slots, logPort: exporter.addresses.udp.port };
  const withHaproxy = !edge && spawnSync('haproxy', ['-v']).status === 0;
  const router = withHaproxy ? await haproxy(parts) : await embeddedEdge(parts);
  const configFile = join(folder, 'sluice.config.yaml');
  writeFileSync(configFile, configuration(router.connection, exporter.addresses.http.url, temporalAddress));
  return {
    router: withHaproxy ? 'HAProxy' : 'the embedded edge',
    publicUrl: `http://127.0.0.1:${publicPort}`,
    configFile,
    environment: { SLUICE_DEMO_TOKEN: token },
    deploy: async (slot, release, poolRps) => {
      await services.get(slot)?.stop();
      services.set(slot, await service(folder, slots[slot], slot, release, poolRps));
    },
    stop: async () => {
      await Promise.all([...services.values()].map((child) => child.stop()));
      await router.stop();
      await exporter.close();
    },
  };
}

async function service(folder: string, port: number, slot: Slot, release: string, poolRps: number | undefined): Promise<Child> {
  const own = join(folder, slot);
  deployFiles(own);
  const environment = {
    PORT: String(port),
    RELEASE: release,
    REVISION: slot,
    FOLDER: own,
    ...(poolRps === undefined ? {} : { POOL_RPS: String(poolRps) }),
  };
  return startChild(
    {
      name: `${SERVICE} ${release}`,
      file: process.execPath,
      arguments: [...process.execArgv, SAMPLE_SERVICE],
      environment,
      logFile: join(folder, `${slot}.log`),
    },
    () => answers(`http://127.0.0.1:${port}/.well-known/release`),
  );
}

interface Parts {
  readonly folder: string;
  readonly token: string;
  readonly publicPort: number;
  readonly control: number;
  readonly slots: Readonly<Record<Slot, number>>;
  readonly logPort: number;
}

interface Router {
  /** Lines of the connection in `sluice.config.yaml`. */
  readonly connection: readonly string[];
  stop(): Promise<void>;
}

async function haproxy({ folder, token, publicPort, control, slots, logPort }: Parts): Promise<Router> {
  const run = join(folder, 'haproxy');
  mkdirSync(run, { recursive: true });
  for (const [name, text] of Object.entries(haproxyRunFiles([{ name: SERVICE, stable: 'blue' }])))
    writeFileSync(join(run, name), text);
  const config = join(folder, 'haproxy.cfg');
  writeFileSync(
    config,
    haproxyConfiguration({
      services: [{ name: SERVICE, slots: { blue: `127.0.0.1:${slots.blue}`, green: `127.0.0.1:${slots.green}` } }],
    }),
  );
  const environment = { RUN: run, PORT: String(publicPort), CTL: String(control), LOG: String(logPort), RELEASE_TOKEN: token };
  const child = await startChild(
    {
      name: 'HAProxy',
      file: 'haproxy',
      arguments: ['-W', '-S', `${run}/master.sock,mode,600`, '-f', config],
      environment,
      logFile: join(folder, 'haproxy.log'),
    },
    () => answers(`http://127.0.0.1:${control}/route?svc=${SERVICE}`),
  );
  const connection = [
    'type: haproxy',
    `adminSocket: ${run}/admin.sock`,
    `masterSocket: ${run}/master.sock`,
    `directory: ${run}`,
    `control: http://127.0.0.1:${control}`,
    `public: http://127.0.0.1:${publicPort}`,
    'releaseToken: {env: SLUICE_DEMO_TOKEN}',
  ];
  return { connection, stop: () => child.stop() };
}

async function embeddedEdge({ folder, token, publicPort, control, slots, logPort }: Parts): Promise<Router> {
  const edge = await startEdge({
    host: '127.0.0.1',
    port: publicPort,
    controlPort: control,
    token,
    stateFile: join(folder, 'edge.json'),
    log: { port: logPort },
    services: { [SERVICE]: { blue: `http://127.0.0.1:${slots.blue}`, green: `http://127.0.0.1:${slots.green}` } },
  });
  const connection = [
    'type: edge',
    `control: http://127.0.0.1:${control}`,
    `public: http://127.0.0.1:${publicPort}`,
    'token: {env: SLUICE_DEMO_TOKEN}',
  ];
  return { connection, stop: () => edge.close() };
}

function configuration(router: readonly string[], metricsUrl: string, temporalAddress: string): string {
  return [
    '# Written by `sluice demo`.',
    'temporal:',
    `  address: ${temporalAddress}`,
    'routers:',
    '  demo-router:',
    ...router.map((line) => `    ${line}`),
    'metrics:',
    '  demo-exporter:',
    '    type: scrape',
    `    urls: ["${metricsUrl}"]`,
    'environments:',
    `  ${ENVIRONMENT}:`,
    '    production: false',
    '',
  ].join('\n');
}
