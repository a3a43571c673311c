/** The data plane of `sluice dev`: the edges whose services the configuration names, and one exporter that reads their log. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Edge, EdgeService } from '../../dataplane/edge/edge.js';
import type { PlatformConfig } from '../../spec/platform.js';
import { renderUnresolved, resolveSecrets } from '../../spec/secrets.js';
import { whyNotListening } from '../../worker/listening.js';
import { CommandFailure, fail } from '../failure.js';
import { oneLine } from '../render/text.js';
import { secretsOf } from '../session.js';
import type { Surroundings } from '../surroundings.js';

export interface DevEdgesOptions {
  /** Where the edges' state files lie: what a restart returns to. It is made. */
  readonly folder: string;
  /** 0 takes a free one. */
  readonly exporterPort: number;
}

interface WantedEdge {
  readonly name: string;
  readonly token: string;
  readonly port: number;
  readonly controlPort: number;
  readonly services: Readonly<Record<string, EdgeService>>;
}

/** Ours is for one machine: whoever declares an edge elsewhere starts it there. */
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost']);
/** For answers that are open when somebody presses Ctrl-C. */
const DRAIN_MS = 2_000;

/** Says where everything is. Returns how to end it; rejects with nothing left open. */
export async function startDevEdges(
  surroundings: Surroundings,
  platform: PlatformConfig,
  { folder, exporterPort }: DevEdgesOptions,
): Promise<{ stop(): Promise<void> }> {
  const { out } = surroundings;
  const wanted = wantedEdges(surroundings, platform);
  if (wanted.length === 0) {
    out(`edge: none started; no router of ${platform.file} has type: edge and services`);
    return { stop: () => Promise.resolve() };
  }
  // Here, because without an edge nobody needs a proxy in this process.
  const [{ startEdge }, { startExporter }] = await Promise.all([
    import('../../dataplane/edge/edge.js'),
    import('../../dataplane/exporter/exporter.js'),
  ]);
  mkdirSync(folder, { recursive: true });
  const names = new Set(wanted.flatMap(({ services }) => Object.keys(services)));
  const exporter = await startExporter({
    udpPort: 0,
    httpPort: exporterPort,
    services: [...names].map((name) => ({ name })),
    onError: (error) => {
      surroundings.err(`sluice: exporter: ${oneLine(error.message)}`);
    },
  }).catch((error: unknown) => {
    const why = whyNotListening(error, { port: '--exporter-port', host: 'the exporter of sluice dev takes 127.0.0.1' });
    throw fail(`the exporter cannot listen on port ${exporterPort}: ${oneLine(why)}`);
  });
  const edges: Edge[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(edges.map((edge) => edge.close({ drainMs: DRAIN_MS })));
    await exporter.close();
  };
  try {
    for (const { name, ...options } of wanted) {
      const edge = await startEdge({
        ...options,
        stateFile: join(folder, `edge-${name}.json`),
        log: { port: exporter.addresses.udp.port },
        say: (text) => {
          out(`edge ${name}: ${text}`);
        },
      }).catch((error: unknown) => {
        const taken = messageOf(error).includes('EADDRINUSE');
        const remedy = taken ? `; stop what listens there (another sluice dev?), or choose other ports in routers.${name}` : '';
        throw fail(`the edge of routers.${name} cannot start: ${messageOf(error)}${remedy}`);
      });
      edges.push(edge);
      const { public: users, control } = edge.addresses;
      const slots = Object.entries(options.services).map(
        ([service, { blue, green }]) => `${service}: blue ${blue}, green ${green}`,
      );
      out(`edge ${name}: users at ${users.url}, control at ${control.url}; ${slots.join('; ')}`);
    }
    out(`exporter: metrics on ${exporter.addresses.http.url}`);
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Those whose services are named. Only their tokens are resolved here; the worker says which other secrets are missing. */
function wantedEdges(surroundings: Surroundings, platform: PlatformConfig): readonly WantedEdge[] {
  const edges = Object.entries(platform.routers).filter(([, router]) => router.type === 'edge' && router.services !== undefined);
  const { address, namespace } = platform.temporal;
  const resolved = resolveSecrets(
    {
      ...platform,
      temporal: { address, namespace },
      routers: Object.fromEntries(edges),
      metrics: {},
      capacity: {},
      queues: {},
      notifiers: {},
    },
    secretsOf(surroundings),
  );
  if (resolved.kind === 'invalid')
    throw new CommandFailure(resolved.secrets.map((secret) => renderUnresolved(platform.file, secret)));
  return Object.entries(resolved.config.routers).flatMap(([name, router]) => {
    if (router.type !== 'edge' || router.services === undefined) return [];
    const services = Object.entries(router.services).map(
      ([service, { blue, green, stable = 'blue' }]) => [service, { blue, green, stable }] as const,
    );
    const portOf = (field: 'public' | 'control'): number =>
      loopbackPort(`${platform.file} routers.${name}.${field}`, router[field]);
    return [
      {
        name,
        token: router.token,
        port: portOf('public'),
        controlPort: portOf('control'),
        services: Object.fromEntries(services),
      },
    ];
  });
}

function loopbackPort(where: string, url: string): number {
  const { hostname, port, protocol } = new URL(url);
  if (protocol === 'http:' && LOOPBACK.has(hostname) && port !== '') return Number(port);
  throw fail(
    `${where}: found ${url}, expected http://127.0.0.1:<port>; the services of an edge that runs elsewhere do not belong here`,
  );
}

const messageOf = (error: unknown): string => oneLine(error instanceof Error ? error.message : String(error));
