import { checker } from './check.js';
import { CONNECTION_KINDS, configSchema, type ConfigFile } from './config-schema.js';
import { readCustomGates } from './custom-gates.js';
import { isAbout, locate, type Finding } from './findings.js';
import { mergeLayers } from './layers.js';
import type { Path } from './paths.js';
import type { PlatformConfig } from './platform.js';
import { brokenRules } from './plan-rules.js';
import { inReadingOrder, type Problem } from './problems.js';
import { isShipped, SHIPPED_PROFILES, shippedProfile, type Profile } from './profiles.js';
import type { Settings } from './settings-schema.js';
import type { Environment } from './substitution.js';
import { didYouMean, oneOf } from './suggest.js';
import { toPlan } from './to-plan.js';
import { readYaml } from './yaml.js';

export interface ConfigSource {
  /** Name for messages. */
  readonly file: string;
  /** What placeholders may name; their values are never shown. */
  readonly env: Environment;
}

export type ParsedConfig =
  { readonly kind: 'ok'; readonly config: PlatformConfig } | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

const checkConfig = checker(configSchema);

/** `sluice.config.yaml` → the platform's configuration with secrets as references, or every problem of it at once. */
export function parseConfig(text: string, { file, env }: ConfigSource): ParsedConfig {
  const { tree, problems: unreadable, reported } = readYaml(text, { file, env, showsSubstituted: false });
  if (reported.some((path) => path.length === 0)) return { kind: 'invalid', problems: unreadable };
  const { sound, unsound, problems: wrong } = checkConfig(tree, reported);
  const config = toConfig(sound, file);
  const placed = [...allowFindings(config), ...floorsFindings(config), ...tlsFindings(config)].map((finding) => ({
    finding,
    under: [] as Path,
    origin: 'by default',
  }));
  const profiles = Object.entries(sound.profiles ?? {}).flatMap(([name, { extends: base }]) =>
    profileFindings(name, config.profiles[name]).map((finding) => ({
      finding,
      under: ['profiles', name] as Path,
      origin: `from the profile ${base}`,
    })),
  );
  const broken = [...placed, ...profiles]
    .filter(({ finding, under }) => !isAbout(finding, unsound, under))
    .map(({ finding, under, origin }) => locate(finding, tree, { under, origin }));
  const problems = [...unreadable, ...wrong, ...broken];
  return problems.length === 0 ? { kind: 'ok', config } : { kind: 'invalid', problems: inReadingOrder(problems) };
}

function toConfig(sound: Partial<ConfigFile>, file: string): PlatformConfig {
  const {
    temporal,
    routers = {},
    metrics = {},
    capacity = {},
    queues = {},
    notifiers = {},
    environments = {},
    limits,
    floors = {},
    allow = {},
    profiles = {},
  } = sound;
  return {
    file,
    temporal: { ...temporal, address: temporal?.address ?? '127.0.0.1:7233', namespace: temporal?.namespace ?? 'default' },
    routers,
    metrics,
    capacity,
    queues,
    notifiers,
    environments,
    limits: { rollouts: limits?.rollouts ?? 500 },
    floors,
    allow,
    profiles: Object.fromEntries(Object.entries(profiles).map(([name, profile]) => [name, toProfile(name, profile)])),
  };
}

function toProfile(name: string, { extends: base, ...layer }: NonNullable<ConfigFile['profiles']>[string]): Profile {
  const { rehearsal, settings } = shippedProfile(base);
  return { name, rehearsal, settings: mergeLayers<Settings>(settings, layer) };
}

/** A profile must be sound by itself, or every rollout under it would be told of a mistake that is not its own. */
function profileFindings(name: string, profile: Profile | undefined): readonly Finding[] {
  if (profile === undefined) return [];
  const taken: readonly Finding[] = isShipped(name)
    ? [
        {
          paths: [[]],
          found: `a profile named ${name}`,
          expected: `another name than ${SHIPPED_PROFILES.join(', ')}`,
          hint: 'shipped profiles keep their meaning',
        },
      ]
    : [];
  const nobody = { service: '', environment: '', candidate: { release: '', revision: '' }, router: '', metrics: [] };
  const plan = toPlan(nobody, profile.settings, { profile, production: false, sampleIntervalMs: profile.settings.tick });
  return [...taken, ...brokenRules(plan), ...readCustomGates(profile.settings.gates.custom ?? {}, []).findings];
}

function allowFindings(config: PlatformConfig): readonly Finding[] {
  const environments = Object.keys(config.environments);
  return CONNECTION_KINDS.flatMap((kind) =>
    Object.entries(config.allow[kind] ?? {}).flatMap(([name, entry]): Finding[] => {
      const known = Object.keys(config[kind]);
      const unknownName: Finding[] = known.includes(name)
        ? []
        : [{ paths: [['allow', kind, name]], found: JSON.stringify(name), expected: oneOf(known), ...didYouMean(name, known) }];
      const unknownEnvironments = (entry.environments ?? []).flatMap((environment, index): Finding[] =>
        environments.includes(environment)
          ? []
          : [
              {
                paths: [['allow', kind, name, 'environments', index]],
                found: JSON.stringify(environment),
                expected: oneOf(environments),
                ...didYouMean(environment, environments),
              },
            ],
      );
      return [...unknownName, ...unknownEnvironments];
    }),
  );
}

function floorsFindings({ floors, environments }: PlatformConfig): readonly Finding[] {
  const places = [
    { path: [] as Path, floor: floors },
    ...Object.entries(environments).map(([name, { floors: own }]) => ({
      path: ['environments', name] as Path,
      floor: own === undefined ? {} : mergeLayers(floors, own),
    })),
  ];
  return places.flatMap(({ path, floor }): Finding[] => {
    const { count = 1, approvers = [] } = floor.approval ?? {};
    if (approvers.length === 0 || count <= approvers.length) return [];
    const at = (field: string): Path => [...path, 'floors', 'approval', field];
    return [
      {
        paths: [at('count'), at('approvers')],
        found: String(count),
        expected: `at most as many as there are approvers (${String(approvers.length)})`,
      },
    ];
  });
}

function tlsFindings({ temporal: { tls, apiKey } }: PlatformConfig): readonly Finding[] {
  const findings: Finding[] = [];
  if (tls === false && apiKey !== undefined)
    findings.push({
      paths: [['temporal', 'tls']],
      found: 'false',
      expected: 'true',
      hint: 'an apiKey is never sent in the clear',
    });
  if (typeof tls === 'object' && (tls.certificate === undefined) !== (tls.key === undefined)) {
    findings.push({
      paths: [
        ['temporal', 'tls', tls.key === undefined ? 'certificate' : 'key'],
        ['temporal', 'tls'],
      ],
      found: 'one of certificate and key',
      expected: 'both or none',
    });
  }
  return findings;
}
