/** What openRamp, shiftWeight, rollBack and finalise share: write, confirm, and read before concluding. */
import type { RouteResult, Where } from '../contract/activities.js';
import type { RouteIntent, RouteState } from '../domain/route.js';
import type { Ramp } from '../domain/words.js';
import { transient } from '../providers/errors.js';
import type { Receipt, TrafficRouter } from '../providers/ports.js';
import type { RouteWrite, Tools } from './dependencies.js';
import type { Execution } from './execution.js';
import { pause, quickBackoff, within } from './waiting.js';

export interface Writing {
  readonly tools: Tools;
  readonly run: Execution;
  readonly where: Where;
  readonly intent: RouteIntent;
  readonly router: TrafficRouter;
}

export const writing = (tools: Tools, run: Execution, where: Where, intent: RouteIntent): Writing => ({
  tools,
  run,
  where,
  intent,
  router: tools.ports.router(where.connections.router),
});

/** Whole-state write and confirmation. Repeating it after an unknown outcome is safe: the same write again is no write. */
export async function applyAndConfirm(on: Writing, leaseMs: number): Promise<RouteResult> {
  const { router, where, intent } = on;
  const receipt = await write(on, 'apply', () => router.apply(where.target, intent, leaseMs));
  if (receipt.kind === 'applied') return confirm(on, receipt);
  // An earlier attempt of this very write may be what stands in the way.
  const route = await readRoute(on);
  if (isServing(route, intent)) return confirm(on, { kind: 'applied', ramp: intent.ramp.id, sequence: intent.sequence });
  return { kind: 'superseded', by: holderOf(route, intent.ramp) };
}

/** One write, timed and counted. */
export async function write(
  { tools, run, where, intent }: Writing,
  kind: RouteWrite,
  call: () => Promise<Receipt>,
): Promise<Receipt> {
  const { clock, metrics, logger } = tools;
  const begun = clock.monotonicMs();
  const subject = { target: where.target, candidate: intent.candidate };
  try {
    const receipt = await within(clock, run.patienceMs, call, run.signal);
    metrics.routeWritten(subject, kind, receipt.kind, (clock.monotonicMs() - begun) / 1_000);
    logger.info(
      { ramp: intent.ramp.id, sequence: intent.sequence, weightBp: intent.candidateBp, outcome: receipt.kind },
      `route: ${kind}`,
    );
    return receipt;
  } catch (error) {
    metrics.routeWritten(subject, kind, 'error', (clock.monotonicMs() - begun) / 1_000);
    throw error;
  }
}

/** Polls until the router has converged: only then does an analysis window open. */
export async function confirm(on: Writing, receipt: Receipt): Promise<RouteResult> {
  const { tools, run, where, intent, router } = on;
  const begun = tools.clock.monotonicMs();
  const backoff = quickBackoff();
  for (;;) {
    const state = await within(tools.clock, run.patienceMs, () => router.confirm(where.target, receipt), run.signal);
    if (state === 'converged') return { kind: 'done' };
    if (state === 'superseded') return { kind: 'superseded', by: holderOf(await readRoute(on), intent.ramp) };
    if (state === 'failed')
      throw transient(
        `the router did not converge on sequence ${String(receipt.sequence)} of ramp ${receipt.ramp}: writing it again`,
      );
    if (tools.clock.monotonicMs() - begun >= run.patienceMs)
      throw transient(`the router has not converged within ${String(Math.round(run.patienceMs))} ms`);
    run.heartbeat({ awaiting: 'convergence', ramp: receipt.ramp, sequence: receipt.sequence });
    await pause(tools.clock, backoff.next().value, run.signal);
  }
}

export const readRoute = ({ tools, run, where, router }: Writing): Promise<RouteState> =>
  within(tools.clock, run.patienceMs, () => router.read(where.target), run.signal);

function isServing(route: RouteState, { ramp, sequence, candidateBp }: RouteIntent): boolean {
  const alive = route.lease !== 'revoked' && (route.lease !== 'lapsed' || candidateBp === 0);
  return alive && route.ramp?.id === ramp.id && route.sequence === sequence && route.candidateBp === candidateBp;
}

/** Who stands in the way, in words for the timeline. */
export function holderOf(route: RouteState, ramp: Ramp): string {
  if (route.ramp === undefined) return 'a router that knows no ramp any more';
  if (route.ramp.owner !== ramp.owner) return `${route.ramp.owner} (ramp ${route.ramp.id})`;
  if (route.ramp.id !== ramp.id) return `ramp ${route.ramp.id} of the same rollout`;
  if (route.lease === 'revoked') return 'a revocation of this ramp';
  if (route.lease === 'lapsed') return 'the lapse of its own lease';
  return `sequence ${String(route.sequence)} of this ramp`;
}
