import type {
  CapacityConnection,
  ConfigFile,
  ConnectionKind,
  MetricsConnection,
  NotifierConnection,
  QueuesConnection,
  RouterConnection,
  TemporalConnection,
} from './config-schema.js';
import type { Floors } from './floors.js';
import { mergeLayers } from './layers.js';
import { renderPath, type Path } from './paths.js';
import { isShipped, shippedProfile, SHIPPED_PROFILES, type Profile } from './profiles.js';

/** `sluice.config.yaml`, checked. Secrets are references. */
export interface PlatformConfig {
  /** Name for messages. */
  readonly file: string;
  readonly temporal: TemporalConnection;
  readonly routers: Readonly<Record<string, RouterConnection>>;
  readonly metrics: Readonly<Record<string, MetricsConnection>>;
  readonly capacity: Readonly<Record<string, CapacityConnection>>;
  readonly queues: Readonly<Record<string, QueuesConnection>>;
  readonly notifiers: Readonly<Record<string, NotifierConnection>>;
  readonly environments: Readonly<ConfigFile['environments']>;
  readonly limits: { readonly rollouts: number };
  readonly floors: Floors;
  readonly allow: NonNullable<ConfigFile['allow']>;
  /** Those of the platform team; the shipped ones are always there. */
  readonly profiles: Readonly<Record<string, Profile>>;
}

/** Undefined where there is none of that name: `profileNames` lists the known ones. */
export function profileOf({ profiles }: PlatformConfig, name: string): Profile | undefined {
  if (isShipped(name)) return shippedProfile(name);
  return Object.hasOwn(profiles, name) ? profiles[name] : undefined;
}

export function profileNames({ profiles }: PlatformConfig): readonly string[] {
  return [...SHIPPED_PROFILES, ...Object.keys(profiles)];
}

/** The general floors, with those of the environment in place of them field by field. */
export function floorsOf({ environments, floors }: PlatformConfig, environment: string): Floors {
  const own = Object.hasOwn(environments, environment) ? environments[environment]?.floors : undefined;
  return own === undefined ? floors : mergeLayers(floors, own);
}

/** Where the floor is written, so that a message can name it: `environments.production.floors.soak`. */
export function floorName({ file, environments }: PlatformConfig, environment: string, path: Path): string {
  const own: unknown = Object.hasOwn(environments, environment) ? environments[environment]?.floors : undefined;
  const isOwn =
    path.reduce<unknown>(
      (value, part) => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined),
      own,
    ) !== undefined;
  return `${renderPath([...(isOwn ? ['environments', environment] : []), 'floors', ...path])} of ${file}`;
}

export function isConfigured(platform: PlatformConfig, kind: ConnectionKind, name: string): boolean {
  return Object.hasOwn(platform[kind], name);
}

/** The slowest named source's interval; a source that is scraped by us is as fresh as the tick. */
export function sampleIntervalMs(platform: PlatformConfig, metrics: readonly string[], tickMs: number): number {
  const intervals = metrics.map((name) => {
    const source = isConfigured(platform, 'metrics', name) ? platform.metrics[name] : undefined;
    return source?.type === 'prometheus' ? source.scrapeInterval : tickMs;
  });
  return Math.max(tickMs, ...intervals);
}
