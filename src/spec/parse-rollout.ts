import type { RolloutPlan } from '../domain/plan.js';
import { checker } from './check.js';
import { readCustomGates } from './custom-gates.js';
import { isAbout, locate, type Finding } from './findings.js';
import { floorsOf, profileNames, profileOf, sampleIntervalMs, type PlatformConfig } from './platform.js';
import { raiseToFloors } from './floors.js';
import { mergeLayers } from './layers.js';
import { applyOverrides } from './overrides.js';
import { renderPath, type Path } from './paths.js';
import { refusedByPlatform } from './platform-rules.js';
import { brokenRules } from './plan-rules.js';
import { inReadingOrder, type Problem } from './problems.js';
import { shippedProfile, type Profile } from './profiles.js';
import { identityShape, rolloutSchema, type RolloutFile } from './rollout-schema.js';
import type { Settings } from './settings-schema.js';
import type { Environment } from './substitution.js';
import { didYouMean, oneOf } from './suggest.js';
import { toPlan, type Identity } from './to-plan.js';
import type { Tree } from './tree.js';
import { readYaml } from './yaml.js';

export interface RolloutSource {
  /** Name for messages. */
  readonly file: string;
  /** What placeholders may name. */
  readonly env: Environment;
  /** `path=value`, later ones over earlier ones, all over the file. */
  readonly set?: readonly string[];
  readonly platform: PlatformConfig;
}

export type ParsedRollout =
  { readonly kind: 'ok'; readonly plan: RolloutPlan } | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

const checkRollout = checker(rolloutSchema);

/** `rollout.yaml` → a checked plan, or every problem of it at once. Never throws on any text. */
export function parseRollout(text: string, { file, env, set = [], platform }: RolloutSource): ParsedRollout {
  const { tree, problems: unreadable, reported } = readYaml(text, { file, env, showsSubstituted: true });
  if (reported.some((path) => path.length === 0)) return { kind: 'invalid', problems: unreadable };
  const overrides = applyOverrides(tree, set);
  // What an override replaced is no longer wrong.
  const replaced = reported.filter((path) => tree.positionOf(path).kind === 'set');
  const remaining = unreadable.filter(({ path }) => !replaced.map(renderPath).includes(path));
  const written = checkRollout(
    tree,
    reported.filter((path) => !replaced.includes(path)),
  );
  const profile = chosenProfile(written.sound.profile, tree, platform);
  const { plan, findings } = planOf(written.sound, profile.profile, tree, platform);
  const rules = [
    ...profile.findings,
    ...[...findings, ...brokenRules(plan), ...refusedByPlatform(plan, platform)].filter(
      (finding) => !isAbout(finding, written.unsound),
    ),
  ];
  const broken = rules.map((finding) => locate(finding, tree, { origin: `from the profile ${profile.profile.name}` }));
  const problems = [...remaining, ...overrides, ...written.problems, ...broken];
  return problems.length === 0 ? { kind: 'ok', plan } : { kind: 'invalid', problems: inReadingOrder(withoutRepeats(problems)) };
}

function chosenProfile(
  name: string | undefined,
  tree: Tree,
  platform: PlatformConfig,
): { readonly profile: Profile; readonly findings: readonly Finding[] } {
  const profile = profileOf(platform, name ?? 'standard');
  if (profile !== undefined) return { profile, findings: [] };
  const known = profileNames(platform);
  return {
    // The rules need some profile to go on with.
    profile: shippedProfile('standard'),
    findings: [
      { paths: [['profile']], found: tree.describe(['profile']), expected: oneOf(known), ...didYouMean(name ?? '', known) },
    ],
  };
}

/** With gaps in `sound` the plan serves the rules alone: the problems that made the gaps are reported, and it is thrown away. */
function planOf(
  sound: Partial<RolloutFile>,
  profile: Profile,
  tree: Tree,
  platform: PlatformConfig,
): { readonly plan: RolloutPlan; readonly findings: readonly Finding[] } {
  const { identity, layer } = splitFile(sound);
  const environment = identity.environment;
  const settings = raiseToFloors(mergeLayers<Settings>(profile.settings, layer), floorsOf(platform, environment), {
    isWritten: (path: Path) => tree.has(path),
    rehearsal: profile.rehearsal,
  });
  const plan = toPlan(identity, tree.has(['soakMax']) ? settings : withRoomToExtend(settings), {
    profile,
    production: Object.hasOwn(platform.environments, environment) && platform.environments[environment]?.production === true,
    sampleIntervalMs: sampleIntervalMs(platform, identity.metrics, settings.tick),
  });
  return { plan, findings: readCustomGates(settings.gates.custom ?? {}, identity.metrics).findings };
}

function splitFile(sound: Partial<RolloutFile>): { readonly identity: Identity; readonly layer: object } {
  const layer = Object.fromEntries(Object.entries(sound).filter(([key]) => !Object.hasOwn(identityShape, key)));
  const {
    service = '',
    environment = '',
    candidate = { release: '', revision: '' },
    router = '',
    metrics = [],
    capacity,
    queues,
    notify,
  } = sound;
  return { identity: { service, environment, candidate, router, metrics, capacity, queues, notify }, layer };
}

/** A soak that a rollout made longer than the profile's soakMax is not extended; only a written soakMax can be too short. */
function withRoomToExtend(settings: Settings): Settings {
  const soaks = settings.steps.slice(0, -1).map((step) => ('soak' in step ? step.soak : undefined) ?? settings.soak);
  return { ...settings, soakMax: Math.max(settings.soakMax, ...soaks) };
}

/** A rule broken by several steps through one field is said once, and so is what two checks find alike. */
function withoutRepeats(problems: readonly Problem[]): readonly Problem[] {
  return problems.filter(
    (problem, index) =>
      !problems
        .slice(0, index)
        .some((other) => other.path === problem.path && other.found === problem.found && other.expected === problem.expected),
  );
}
