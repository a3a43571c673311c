import type { RolloutPlan } from '../domain/plan.js';
import { isSlot, SLOTS } from '../domain/words.js';
import { CONNECTION_KINDS, type ConnectionKind } from './config-schema.js';
import { formatDuration } from './durations.js';
import type { Finding } from './findings.js';
import { floorFindings } from './floor-rules.js';
import type { Path } from './paths.js';
import { isConfigured, sampleIntervalMs, type PlatformConfig } from './platform.js';
import { didYouMean, oneOf } from './suggest.js';

/**
 * What the platform does not allow this plan. Empty: it may run. `parseRollout` asks it, and so can a worker, which cannot
 * know by whose configuration a plan was made.
 */
export function refusedByPlatform(plan: RolloutPlan, platform: PlatformConfig): readonly Finding[] {
  const connections = CONNECTION_KINDS.flatMap((kind) => connectionFindings(plan, platform, kind));
  return [
    ...environmentFindings(plan, platform),
    ...connections,
    ...slotFindings(plan, platform),
    ...customFindings(plan, platform),
    ...floorFindings(plan, platform),
    ...freshness(plan, platform),
  ];
}

/** Which revisions a router of another type knows is for the router to say. */
function slotFindings({ candidate, connections }: RolloutPlan, platform: PlatformConfig): readonly Finding[] {
  const { router } = connections;
  const type = isConfigured(platform, 'routers', router) ? platform.routers[router]?.type : undefined;
  const slot = candidate.slot ?? candidate.id;
  if ((type !== 'haproxy' && type !== 'edge') || isSlot(slot)) return [];
  return [
    {
      paths: [['candidate', 'revision']],
      found: JSON.stringify(slot),
      expected: oneOf(SLOTS),
      hint: `routers.${router} of ${platform.file} has the type ${type}, which runs revisions in two slots`,
    },
  ];
}

/** What the connection of a gate of the user's own cannot answer. */
function customFindings({ judge, connections }: RolloutPlan, platform: PlatformConfig): readonly Finding[] {
  return judge.gates.flatMap(({ gate, measure }): Finding[] => {
    if (measure === undefined || !connections.metrics.includes(measure.source)) return [];
    const source = isConfigured(platform, 'metrics', measure.source) ? platform.metrics[measure.source] : undefined;
    if (source === undefined) return [];
    const name = gate.slice('custom:'.length);
    const path: Path = ['gates', 'custom', name];
    const known = Object.keys(source.custom ?? {});
    if (measure.kind === 'mapped') {
      if (known.includes(name)) return [];
      const hint =
        known.length === 0 ? {} : { hint: `metrics.${measure.source}.custom of ${platform.file} knows ${known.join(', ')}` };
      return [{ paths: [path], found: 'a gate without bad and all', expected: 'both, or value', ...hint }];
    }
    if (source.type !== 'scrape') return [];
    const asked = measure.kind === 'value' ? { value: measure.value } : { bad: measure.bad, all: measure.all };
    return Object.entries(asked).flatMap(([field, one]): Finding[] =>
      one.kind === 'metric'
        ? []
        : [
            {
              paths: [[...path, field], path],
              found: 'PromQL',
              expected: field === 'value' ? 'a connection of the type prometheus' : 'the name of a metric or {metric, where}',
              hint: `${measure.source} is scraped: nobody evaluates expressions there`,
            },
          ],
    );
  });
}

function environmentFindings(plan: RolloutPlan, { environments, file }: PlatformConfig): readonly Finding[] {
  const { environment } = plan.target;
  const known = Object.keys(environments);
  const entry = Object.hasOwn(environments, environment) ? environments[environment] : undefined;
  if (entry === undefined)
    return [
      {
        paths: [['environment']],
        found: environment,
        expected: oneOf(known),
        hint: `${file} lists the environments`,
        ...didYouMean(environment, known),
      },
    ];
  const findings: Finding[] = [];
  if (entry.production !== plan.production) {
    findings.push({
      paths: [['environment']],
      found: `a plan for production: ${String(plan.production)}`,
      expected: `production: ${String(entry.production)}`,
      hint: `so says ${file}`,
    });
  }
  if (entry.production && plan.rehearsal) {
    findings.push({
      paths: [['profile']],
      found: plan.profile,
      expected: 'a profile that is no rehearsal',
      hint: `${environment} is marked production: true in ${file}`,
    });
  }
  return findings;
}

interface Use {
  readonly path: Path;
  readonly name: string;
}

function usesOf({ connections }: RolloutPlan, kind: ConnectionKind): readonly Use[] {
  const one = (path: Path, name: string | undefined): readonly Use[] => (name === undefined ? [] : [{ path, name }]);
  switch (kind) {
    case 'routers':
      return one(['router'], connections.router);
    case 'metrics':
      return connections.metrics.map((name, index) => ({ path: ['metrics', index], name }));
    case 'capacity':
      return one(['capacity', 'connection'], connections.capacity);
    case 'queues':
      return one(['queues'], connections.queues);
    case 'notifiers':
      return connections.notify.map((name, index) => ({ path: ['notify', index], name }));
  }
}

function connectionFindings(plan: RolloutPlan, platform: PlatformConfig, kind: ConnectionKind): readonly Finding[] {
  return usesOf(plan, kind).flatMap(({ path, name }): Finding[] => {
    // A single name may be written without a list.
    const paths: Finding['paths'] = typeof path.at(-1) === 'number' ? [path, path.slice(0, -1)] : [path];
    const allowed = Object.keys(platform[kind]).filter((candidate) => mayUse(plan, platform, kind, candidate));
    if (isConfigured(platform, kind, name) && mayUse(plan, platform, kind, name)) return [];
    const hint = isConfigured(platform, kind, name)
      ? { hint: `allow.${kind}.${name} of ${platform.file} leaves out ${plan.target.service} in ${plan.target.environment}` }
      : didYouMean(name, allowed);
    return [{ paths, found: JSON.stringify(name), expected: oneOf(allowed), ...hint }];
  });
}

function mayUse({ target }: RolloutPlan, { allow, environments }: PlatformConfig, kind: ConnectionKind, name: string): boolean {
  // A missing service and an unknown environment are reported by themselves; no connection needs to be blamed for them.
  if (target.service === '' || !Object.hasOwn(environments, target.environment)) return true;
  const entries = allow[kind] ?? {};
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
  const service =
    entry?.services?.some((pattern) =>
      pattern.endsWith('*') ? target.service.startsWith(pattern.slice(0, -1)) : pattern === target.service,
    ) ?? true;
  return service && (entry?.environments?.includes(target.environment) ?? true);
}

/** A sample that is stale as soon as it is taken would hold the rollout blind for ever. */
function freshness(plan: RolloutPlan, platform: PlatformConfig): readonly Finding[] {
  const intervalMs = sampleIntervalMs(platform, plan.connections.metrics, plan.tickMs);
  if (plan.judge.staleMs >= intervalMs) return [];
  return [
    {
      paths: [['stale']],
      found: formatDuration(plan.judge.staleMs),
      expected: `at least ${formatDuration(intervalMs)}`,
      hint: 'a source gives a sample no more often than that',
    },
  ];
}
