import type { GatePolicy } from '../domain/policy.js';
import type { ApprovalRule, CapacityPlan, Connections, RolloutPlan, Step } from '../domain/plan.js';
import { EVERYBODY, type Revision, type SchemaPins, type StickyBy } from '../domain/words.js';
import { toChangeWindows } from './change-windows.js';
import { readCustomGates } from './custom-gates.js';
import { digestOf } from './digest.js';
import { GATE_KEYS, GATE_NAMES, gateDefaults } from './gates.js';
import { mergeLayers } from './layers.js';
import { DEFAULT_HEADROOM, type RolloutFile } from './rollout-schema.js';
import type { Profile } from './profiles.js';
import type { Settings } from './settings-schema.js';

/** A sample is stale after four intervals, and never before this (judge.md §0). */
const LEAST_STALE_MS = 15_000;

/** The part of a rollout file that no profile knows. */
export type Identity = Pick<RolloutFile, 'service' | 'environment' | 'candidate' | 'router' | 'metrics'> &
  Partial<Pick<RolloutFile, 'capacity' | 'queues' | 'notify'>>;

interface PlanContext {
  readonly profile: Pick<Profile, 'name' | 'rehearsal'>;
  readonly production: boolean;
  /** The slowest source's; the tick where sources are read afresh. */
  readonly sampleIntervalMs: number;
}

export function toPlan(
  identity: Identity,
  settings: Settings,
  { profile, production, sampleIntervalMs }: PlanContext,
): RolloutPlan {
  const { schemaPins } = identity.candidate;
  const plan: Omit<RolloutPlan, 'digest'> = {
    target: { service: identity.service, environment: identity.environment },
    candidate: toRevision(identity.candidate),
    profile: profile.name,
    rehearsal: profile.rehearsal,
    production,
    connections: toConnections(identity),
    steps: toSteps(settings),
    ...(settings.bake.holdback === 0 ? {} : { holdbackBp: settings.bake.holdback }),
    ...(settings.lookBack === 0 ? {} : { lookBackMs: settings.lookBack }),
    judge: {
      gates: [...toGates(settings.gates), ...readCustomGates(settings.gates.custom ?? {}, identity.metrics).gates],
      alpha: settings.alpha,
      beta: settings.risk.beta,
      minimumRequests: settings.minimumRequests,
      staleMs: settings.stale === 'auto' ? Math.max(LEAST_STALE_MS, 4 * sampleIntervalMs) : settings.stale,
      badRequestsBudget: settings.risk.badRequestsPerStep,
    },
    tickMs: settings.tick,
    leaseMs: settings.lease,
    bucketMs: settings.bucket,
    ...toStickiness(settings.sticky),
    approvals: toApprovals(settings),
    limits: {
      approvalMs: settings.limits.approval,
      pauseMs: settings.limits.pause,
      inconclusiveMs: settings.limits.inconclusive,
      idleMs: settings.limits.idle,
      blindMs: settings.limits.blind,
      foreignRouteMs: settings.limits.foreignRoute,
      schemaHoldMs: settings.limits.schemaHold,
      frozenMs: settings.limits.frozen,
    },
    retry: { max: settings.retry.max, coolOffMs: settings.retry.coolOff, total: settings.retry.total },
    idleThen: settings.idle.then,
    changeWindows: toChangeWindows(settings.changeWindows),
    warmUp: {
      ...(settings.warmUp.path === undefined ? {} : { path: settings.warmUp.path }),
      holdMs: settings.warmUp.hold,
      timeoutMs: settings.warmUp.timeout,
    },
    probes: settings.probes,
    drain: { minMs: settings.drain.min, ceilingMs: settings.drain.ceiling },
    ...(identity.capacity === undefined ? {} : { capacity: toCapacity(identity.capacity) }),
    pauseBatchUpToBp: settings.batch.pauseUpTo,
    ...(settings.batch.capPerPartition === undefined ? {} : { capPerPartition: settings.batch.capPerPartition }),
    keepStableMs: settings.keepStable,
    ...(schemaPins === undefined ? {} : { schemaPins }),
  };
  return { ...plan, digest: digestOf(plan) };
}

/** Where a router has slots the revision's name is the slot's; where it has none, the router ignores the slot. */
function toRevision({ release, revision, schemaPins }: RolloutFile['candidate']): Revision {
  const pins: { schemaPins?: SchemaPins } = schemaPins === undefined ? {} : { schemaPins };
  return { id: revision, release, slot: revision, ...pins };
}

function toConnections({ router, metrics, capacity, queues, notify }: Identity): Connections {
  return {
    router,
    metrics,
    ...(capacity?.connection === undefined ? {} : { capacity: capacity.connection }),
    ...(queues === undefined ? {} : { queues }),
    notify: notify ?? [],
  };
}

/** A step's own soak comes first. The last step bakes: an extension shorter than its bake would be none, so it is at least that. */
function toSteps({ steps, soak, soakMax, bake }: Settings): readonly Step[] {
  return steps.map((step, index) => {
    const last = index === steps.length - 1;
    const soakMs = ('soak' in step ? step.soak : undefined) ?? (last ? bake.soak : soak);
    const weightBp = last && step.weight === EVERYBODY ? EVERYBODY - bake.holdback : step.weight;
    return { weightBp, soakMs, soakMaxMs: last ? Math.max(soakMax, soakMs) : soakMax };
  });
}

/** Users whose id is unsteady get the cookie that nobody but the router writes. */
const STICKY: readonly StickyBy[] = ['user', 'cookie'];

function toStickiness(sticky: Settings['sticky']): Pick<RolloutPlan, 'sticky' | 'stickyBy'> {
  if (typeof sticky === 'object') return { sticky: true, stickyBy: sticky.by };
  return sticky ? { sticky, stickyBy: STICKY } : { sticky };
}

function toApprovals({ steps }: Settings): readonly ApprovalRule[] {
  return steps.flatMap((step, beforeStep) => {
    if (!('approval' in step) || step.approval === undefined) return [];
    const { count = 1, approvers = [], notTheStarter = false } = step.approval;
    return [{ beforeStep, count, approvers, notTheStarter }];
  });
}

function toGates(gates: Settings['gates']): readonly GatePolicy[] {
  return GATE_KEYS.flatMap((key) => {
    const said = gates[key];
    if (said === undefined) return [];
    const { mode, tolerance, required, consecutive } = mergeLayers(gateDefaults(key), said);
    const share = 'alpha' in said && said.alpha !== undefined ? { share: said.alpha } : {};
    return mode === 'off' ? [] : [{ gate: GATE_NAMES[key], mode, tolerance, required, consecutive, ...share }];
  });
}

function toCapacity({
  headroom = DEFAULT_HEADROOM,
  expectedRps,
  meanLatency,
  concurrency,
}: NonNullable<RolloutFile['capacity']>): CapacityPlan {
  return { headroom, expectedP50Rps: expectedRps, meanLatencyS: meanLatency / 1_000, concurrencyPerInstance: concurrency };
}
