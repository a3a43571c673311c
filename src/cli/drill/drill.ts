/**
 * Breaks one thing after the other under a real rollout and takes the time until the router itself says that nobody is on the
 * candidate. Router, metrics and service are the configured ones; Temporal and the worker are the drill's own, so that theirs
 * may die of it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { RouteState } from '../../domain/route.js';
import { percent } from '../../domain/telling.js';
import type { BasisPoints, Ramp, Revision } from '../../domain/words.js';
import { ProviderError } from '../../providers/errors.js';
import type { TrafficRouter } from '../../providers/ports.js';
import { renderUnresolved, resolveSecrets } from '../../spec/secrets.js';
import { findTemporalCli } from '../dev/temporal-cli.js';
import { CommandFailure, fail } from '../failure.js';
import { oneLine } from '../render/text.js';
import { secretsOf } from '../session.js';
import type { Surroundings } from '../surroundings.js';
import { WorkerConfigurationError } from '../../worker/options.js';
import type { Drilled, DrillReport } from './drilled.js';
import { drilledPlan, type DrilledPlan } from './drilled-plan.js';
import { boundOf, FAULTS, needsLease, type Bound, type Fault } from './faults.js';
import { whyNoErrors, whyNoSilence } from './rigging.js';
import { setScene, type Scene } from './scene.js';
import { startUsers, type Arriving } from './users.js';

export interface DrillOptions extends Arriving {
  readonly file: string;
  readonly config: string;
  readonly set: readonly string[];
  readonly atBp: BasisPoints;
  /** Empty: every one that can be played here. */
  readonly faults: readonly Fault[];
}

const LOOK_EVERY_MS = 50;
/** After the bound: long enough to tell late from never. */
const PATIENCE_MS = 15_000;
/** Pages of metrics that the worker has read at the weight, so that the fault meets a rollout that is being judged. */
const PAGES_BEFORE = 3;
const CLOSING_MS = 30_000;

/** Tells `say` what goes on. Whatever happens, nobody is left on the candidate by the drill. */
export async function drill(
  surroundings: Surroundings,
  options: DrillOptions,
  say: (line: string) => void,
): Promise<DrillReport> {
  const plans = drilledPlan(surroundings, options, options.atBp);
  const { router } = plans.played.connections;
  try {
    return await played(surroundings, options, plans, say);
  } catch (error) {
    if (error instanceof ProviderError) throw fail(`routers.${router}, which the drill itself asks: ${oneLine(error.message)}`);
    if (error instanceof WorkerConfigurationError) throw new CommandFailure(error.problems);
    throw error;
  }
}

async function played(
  surroundings: Surroundings,
  options: DrillOptions,
  plans: DrilledPlan,
  say: (line: string) => void,
): Promise<DrillReport> {
  const stand = await Stand.over(surroundings, options, plans, say);
  const users = await startUsers(options, plans, surroundings.interrupted());
  const drills: Drilled[] = [];
  try {
    for (const fault of options.faults.length === 0 ? FAULTS : options.faults) {
      users?.mark();
      const drilled = await stand.play(fault);
      const unserved = drilled.kind === 'still-out' ? users?.unserved() : undefined;
      if (unserved !== undefined) say(unserved);
      drills.push(drilled);
    }
  } catch (error) {
    const unserved = users?.unserved();
    // Before the rollout is blamed for what nobody could have made it see.
    throw error instanceof CommandFailure && unserved !== undefined ? new CommandFailure([unserved, ...error.lines]) : error;
  } finally {
    await users?.stop();
  }
  return { plan: plans.played, drills, users: users?.counts() };
}

/** What all faults are played on. */
class Stand {
  private constructor(
    private readonly surroundings: Surroundings,
    private readonly options: DrillOptions,
    private readonly plans: DrilledPlan,
    private readonly temporalCli: string,
    private readonly router: TrafficRouter,
    private readonly hasLease: boolean,
    private readonly interrupted: AbortSignal,
    private readonly say: (line: string) => void,
  ) {}

  static async over(
    surroundings: Surroundings,
    options: DrillOptions,
    plans: DrilledPlan,
    say: (line: string) => void,
  ): Promise<Stand> {
    for (const fault of options.faults) {
      const why = whyNotPlayed(fault, plans);
      if (why !== undefined) throw fail(`${fault} cannot be played here: ${why}; leave it out, or drill where it can`);
    }
    const router = await realRouter(surroundings, plans);
    const { lease } = await router.describe(plans.played.target);
    // Some adapters describe without asking: a router that is away is told before users are blamed for it.
    await router.read(plans.played.target);
    // The own one always: whoever names a Temporal by TEMPORAL_ADDRESS does not want it killed.
    const { path } = await findTemporalCli({ env: surroundings.env, beforeDownload: say });
    return new Stand(surroundings, options, plans, path, router, lease, surroundings.interrupted(), say);
  }

  async play(fault: Fault): Promise<Drilled> {
    const { written, played } = this.plans;
    const bound = boundOf(fault, written, this.options.atBp);
    const why = whyNotPlayed(fault, this.plans);
    if (why !== undefined) return { kind: 'not-played', fault, bound, why };
    if (needsLease(fault) && !this.hasLease) return { kind: 'unprotected', fault, bound };
    const before = await this.#untouchedRoute();
    const scene = await setScene({
      surroundings: this.surroundings,
      config: this.options.config,
      platform: this.plans.platform,
      plan: played,
      pair: { stable: before.stable, candidate: played.candidate },
      temporalCli: this.temporalCli,
    });
    try {
      this.say(`${fault}: a rollout to ${percent(this.options.atBp)} begins`);
      const started = await scene.client.start(played, { starter: { name: 'sluice drill', verified: false } });
      if (started.kind !== 'started')
        throw fail(`the drill's rollout was not started: ${'reason' in started ? started.reason : started.kind}`);
      await this.#untilOut(scene);
      strike(fault, scene);
      const struckAt = performance.now();
      this.say(`${fault}: struck at ${percent(this.options.atBp)}; bound by ${bound.by}`);
      const drilled = await this.#untilBack(fault, bound, struckAt);
      // Where a controller lives, it clears up behind itself.
      if (!needsLease(fault)) await this.#untilClosed(scene);
      return drilled;
    } finally {
      await scene.end();
      await this.#revokeOwn(before.ramp);
    }
  }

  /** A ramp that is open belongs to a real rollout, which has the same id as ours: the router would take one for the other. */
  async #untouchedRoute(): Promise<{ readonly stable: Revision; readonly ramp: Ramp | undefined }> {
    const { target, connections } = this.plans.played;
    const { stable, ramp, lease } = await this.router.read(target);
    if (stable === undefined)
      throw fail(
        `routers.${connections.router} was never told which revision of ${target.service} is stable; tell it first (docs/operations)`,
      );
    if (ramp !== undefined && lease !== 'revoked')
      throw fail(
        `${target.service} has an open ramp (${ramp.id}); wait until its rollout has ended, or abort it: sluice abort ${target.service} --env ${target.environment}`,
      );
    return { stable, ramp };
  }

  /** Until the weight is reached and judged. */
  async #untilOut({ client, rigging }: Scene): Promise<void> {
    const { target } = this.plans.played;
    for (;;) {
      const { effectiveBp } = await this.#read();
      if (effectiveBp === this.options.atBp) break;
      const seen = await client.status(target);
      if (seen.kind === 'closed')
        throw fail(`the drill's rollout did not get to ${percent(this.options.atBp)}: ${seen.outcome.headline}`);
      await pause(LOOK_EVERY_MS);
    }
    const read = rigging.metrics.map(({ passed }) => passed());
    while (rigging.metrics.some(({ passed }, index) => passed() < (read[index] ?? 0) + PAGES_BEFORE)) {
      this.#throwIfInterrupted();
      await pause(LOOK_EVERY_MS);
    }
  }

  /** By the router's own word, which it is asked for past everything that was broken. */
  async #untilBack(fault: Fault, bound: Bound, struckAt: number): Promise<Drilled> {
    for (let seenOutMs = 0; ;) {
      const askedMs = performance.now() - struckAt;
      const { effectiveBp, lease } = await this.#read();
      if (effectiveBp === 0) return { kind: 'back', fault, bound, tookMs: performance.now() - struckAt, seenOutMs, lease };
      seenOutMs = askedMs;
      if (askedMs > bound.withinMs + PATIENCE_MS)
        return { kind: 'still-out', fault, bound, lookedMs: askedMs, weightBp: effectiveBp };
      await pause(LOOK_EVERY_MS);
    }
  }

  #read(): Promise<RouteState> {
    this.#throwIfInterrupted();
    return this.router.read(this.plans.played.target);
  }

  async #untilClosed({ client }: Scene): Promise<void> {
    // Not `AbortSignal.any`: in Node 20 what it makes of a time limit may be collected as garbage, and then never aborts.
    const over = new AbortController();
    const end = (): void => {
      over.abort();
    };
    const timer = setTimeout(end, CLOSING_MS);
    this.interrupted.addEventListener('abort', end, { once: true });
    if (this.interrupted.aborted) end();
    await client.result(this.plans.played.target, { signal: over.signal }).catch(() => undefined);
    clearTimeout(timer);
    this.interrupted.removeEventListener('abort', end);
  }

  async #revokeOwn(before: Ramp | undefined): Promise<void> {
    const { target } = this.plans.played;
    const { ramp, lease } = await this.router.read(target);
    if (ramp !== undefined && ramp.id !== before?.id && lease !== 'revoked') await this.router.revoke(target, ramp);
  }

  #throwIfInterrupted(): void {
    if (this.interrupted.aborted) throw fail('interrupted; everybody is back on stable');
  }
}

function whyNotPlayed(fault: Fault, { platform, written }: DrilledPlan): string | undefined {
  if (fault === 'errors') return whyNoErrors({ platform, plan: written });
  return fault === 'router-down' ? whyNoSilence({ platform, plan: written }) : undefined;
}

async function realRouter(surroundings: Surroundings, { platform, played }: DrilledPlan): Promise<TrafficRouter> {
  const [{ pino }, { createPorts }] = await Promise.all([import('pino'), import('../../worker/providers.js')]);
  const name = played.connections.router;
  const others = { metrics: {}, capacity: {}, queues: {}, notifiers: {} };
  const { address, namespace } = platform.temporal;
  const resolved = resolveSecrets(
    {
      ...platform,
      ...others,
      temporal: { address, namespace },
      routers: Object.fromEntries(Object.entries(platform.routers).filter(([known]) => known === name)),
    },
    secretsOf(surroundings),
  );
  if (resolved.kind === 'invalid')
    throw new CommandFailure(resolved.secrets.map((secret) => renderUnresolved(platform.file, secret)));
  return createPorts({ ...others, routers: resolved.config.routers }, pino({ level: 'silent' })).router(name);
}

function strike(fault: Fault, { temporal, worker, rigging }: Scene): void {
  switch (fault) {
    case 'errors':
      rigging.falsify();
      return;
    case 'blind':
      for (const source of rigging.metrics) source.behave('fail');
      return;
    case 'worker-dead':
      worker.kill();
      return;
    case 'temporal-dead':
      temporal.kill();
      return;
    case 'router-down':
      for (const way of rigging.router) way.behave('hang');
      return;
  }
}
