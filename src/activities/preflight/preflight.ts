import type { RolloutActivities } from '../../contract/activities.js';
import { opensAt } from '../../domain/change-window.js';
import { moment } from '../../domain/moments.js';
import type { Revision } from '../../domain/words.js';
import type { Tools } from '../dependencies.js';
import { execution, throwIfCancelled } from '../execution.js';
import { describeError } from '../failures.js';
import { persistently } from '../waiting.js';
import { checkCandidate, checkCompatibility, withRelease } from './candidate.js';
import { checkCapabilities } from './capabilities.js';
import { both, NOTHING, refuse, type Checking, type Found } from './checking.js';
import { checkGates } from './gates.js';
import { checkRoute, checkStable } from './route.js';

/**
 * Reads and checks before anything moves; a refusal lists all its reasons at once. Changes nothing but an orphaned ramp of
 * this very rollout id, which is revoked.
 */
export function preflight(tools: Tools): RolloutActivities['preflight'] {
  return async ({ where, plan }) => {
    const run = execution();
    const unknown = unknownNames(tools, plan.connections);
    if (unknown.length > 0) return { kind: 'refused', reasons: unknown };
    const on: Checking = { tools, run, where, plan, router: tools.ports.router(where.connections.router) };

    const { found: onRoute, route } = await checkRoute(on);
    const stable = await withRelease(on, route?.stable);
    const [{ found: onRouter, capabilities }, onCandidate, { found: onPins, pins }, gates, capacity, queues] = await Promise.all([
      checkCapabilities(on),
      checkCandidate(on),
      checkCompatibility(on, stable),
      checkGates(on, stable),
      stableUnits(on, stable),
      toldEpoch(on),
    ]);
    const { reasons, warnings } = both(
      onRoute,
      checkStable(plan.candidate, route),
      onRouter,
      onCandidate,
      onPins,
      gates.found,
      capacity.found,
      queues.found,
      checkProfile(on),
      refuse(...tools.refusedByPlatform(plan)),
      checkChangeWindow(on),
    );
    if (reasons.length > 0 || route === undefined || stable === undefined || capabilities === undefined)
      return { kind: 'refused', reasons: reasons.map(tools.redact) };
    return {
      kind: 'preflight',
      ground: {
        stable,
        epoch: Math.max(route.epoch, queues.epoch),
        capabilities,
        stableUnits: capacity.units,
        gatesInForce: gates.inForce.map(({ gate }) => gate),
        gatesNotJudged: gates.notJudged.map(({ gate }) => gate),
        warnings: warnings.map(tools.redact),
        ...pins,
      },
    };
  };
}

/** The worker may know other names than whoever wrote the plan: all that are unknown are told at once. */
function unknownNames(
  { ports }: Tools,
  { router, metrics, capacity, queues, notify }: Checking['plan']['connections'],
): readonly string[] {
  const lookUps = [
    () => ports.router(router),
    ...metrics.map((name) => () => ports.metrics(name)),
    ...(capacity === undefined ? [] : [() => ports.capacity(capacity)]),
    ...(queues === undefined ? [] : [() => ports.queues(queues)]),
    ...notify.map((name) => () => ports.notifier(name)),
  ];
  return lookUps.flatMap((lookUp) => {
    try {
      lookUp();
      return [];
    } catch (error) {
      return [describeError(error)];
    }
  });
}

/** Recorded here and held as a floor until the final bake ends (A21, I8). */
async function stableUnits(
  on: Checking,
  stable: Revision | undefined,
): Promise<{ readonly found: Found; readonly units: number }> {
  const name = on.where.connections.capacity;
  if (name === undefined || stable === undefined) return { found: NOTHING, units: 0 };
  const { found, value } = await asked(
    on,
    (why) => `capacity "${name}" does not say how many units stable has: ${why}`,
    () => on.tools.ports.capacity(name).units(on.where.target, stable),
  );
  return { found, units: value };
}

/** Of the release record: a router that has forgotten its epochs must not begin below what the guards were told. */
async function toldEpoch(on: Checking): Promise<{ readonly found: Found; readonly epoch: number }> {
  const name = on.where.connections.queues;
  if (name === undefined) return { found: NOTHING, epoch: 0 };
  const { found, value } = await asked(
    on,
    (why) => `queues "${name}" cannot be told anything: ${why}`,
    async () => (await on.tools.ports.queues(name).epoch?.(on.where.target)) ?? 0,
  );
  return { found, epoch: value };
}

/** A number, or 0 and the refusal. */
async function asked(
  { tools, run }: Checking,
  refusal: (why: string) => string,
  call: () => Promise<number>,
): Promise<{ readonly found: Found; readonly value: number }> {
  try {
    return { found: NOTHING, value: await persistently(tools.clock, run, call) };
  } catch (error) {
    throwIfCancelled(run.signal);
    return { found: refuse(refusal(describeError(error))), value: 0 };
  }
}

/** Nothing is opened or warmed for days only to wait: one that closes later holds the rollout where it stands (X18). */
function checkChangeWindow({ plan, tools }: Checking): Found {
  const opens = opensAt(plan.changeWindows, tools.clock.now());
  return opens === undefined
    ? NOTHING
    : refuse(`the change window is closed and opens at ${moment(opens)}: start the rollout then`);
}

/** The command line checks this as well; the worker does not rely on whoever started the rollout. */
const checkProfile = ({ plan }: Checking): Found =>
  plan.rehearsal && plan.production
    ? refuse(`profile "${plan.profile}" is a rehearsal, and ${plan.target.environment} is a production environment`)
    : NOTHING;
