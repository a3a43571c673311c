import { settingsSchema, type Settings, type WrittenSettings } from './settings-schema.js';
import { mergeLayers } from './layers.js';

/** Every field has a value here but the warm path, which is the service's, and the gates that are off by default. */
const STANDARD = {
  steps: [1, 5, 25, 50, 100],
  soak: '10m',
  soakMax: '60m',
  bake: { soak: '30m', holdback: '0%' },
  gates: { errors: {}, latency: {}, coldStarts: {}, queueAge: {} },
  alpha: '1%',
  risk: { badRequestsPerStep: 'auto', beta: '5%' },
  lookBack: '1h',
  minimumRequests: 50,
  stale: 'auto',
  tick: '5s',
  lease: '30s',
  bucket: '5m',
  sticky: true,
  retry: { max: 1, coolOff: '15m', total: 4 },
  idle: { then: 'hold' },
  limits: {
    approval: '24h',
    pause: '24h',
    inconclusive: '24h',
    idle: '24h',
    blind: '10m',
    foreignRoute: '1h',
    schemaHold: '24h',
    frozen: '72h',
  },
  changeWindows: [],
  warmUp: { hold: '10s', timeout: '5m' },
  probes: { path: '/', count: 20, maxFailures: 3 },
  drain: { min: '60s', ceiling: '15m' },
  batch: { pauseUpTo: 25 },
  keepStable: '1h',
} as const satisfies WrittenSettings;

/** What differs from `standard` (design.md §8). `cautious` begins at 1 % until there are cohorts. */
const CAUTIOUS = {
  soak: '20m',
  soakMax: '2h',
  bake: { soak: '1h', holdback: '1%' },
  minimumRequests: 200,
  retry: { coolOff: '30m' },
  drain: { min: '120s', ceiling: '30m' },
  keepStable: '24h',
} as const satisfies WrittenSettings;

const HOTFIX = {
  steps: [25, 100],
  soak: '3m',
  soakMax: '15m',
  bake: { soak: '10m' },
  retry: { max: 0 },
  limits: { approval: '4h', pause: '4h', inconclusive: '4h', idle: '4h', blind: '5m', frozen: '24h' },
} as const satisfies WrittenSettings;

const REHEARSAL = {
  soak: '5s',
  soakMax: '60s',
  bake: { soak: '5s' },
  minimumRequests: 20,
  tick: '1s',
  lease: '15s',
  retry: { coolOff: '2s' },
  limits: {
    approval: '60s',
    pause: '60s',
    inconclusive: '60s',
    idle: '60s',
    blind: '20s',
    foreignRoute: '60s',
    schemaHold: '60s',
    frozen: '60s',
  },
  warmUp: { hold: '1s', timeout: '30s' },
  drain: { min: '1s', ceiling: '30s' },
  keepStable: '5s',
} as const satisfies WrittenSettings;

export const SHIPPED_PROFILES = ['standard', 'cautious', 'hotfix', 'rehearsal'] as const;

export type ShippedProfile = (typeof SHIPPED_PROFILES)[number];

const WRITTEN: Readonly<Record<ShippedProfile, WrittenSettings>> = {
  standard: STANDARD,
  cautious: CAUTIOUS,
  hotfix: HOTFIX,
  rehearsal: REHEARSAL,
};

export interface Profile {
  readonly name: string;
  /** Minimum times are lifted; refused in production environments. */
  readonly rehearsal: boolean;
  readonly settings: Settings;
}

export function isShipped(name: string): name is ShippedProfile {
  return (SHIPPED_PROFILES as readonly string[]).includes(name);
}

/** Complete, as a person would write it: for the reference and for `sluice init`. */
export function writtenProfile(name: ShippedProfile): WrittenSettings {
  return mergeLayers<WrittenSettings>(STANDARD, WRITTEN[name]);
}

export function shippedProfile(name: ShippedProfile): Profile {
  // Complete by construction: STANDARD has every field (a test holds it to that).
  return { name, rehearsal: name === 'rehearsal', settings: settingsSchema.parse(writtenProfile(name)) as Settings };
}
