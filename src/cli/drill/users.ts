/** A drill's own users. Nothing is broken before one of them was served: without them no gate would see what is broken. */
import { setTimeout as pause } from 'node:timers/promises';
import { startLoad, type LoadCounts } from '../demo/load.js';
import { fail } from '../failure.js';
import type { DrilledPlan } from './drilled-plan.js';

export interface Arriving {
  /** 0: the environment has users of its own. */
  readonly rps: number;
  /** What they ask for. */
  readonly path: string;
  /** Where they arrive; unless told the router's public address. */
  readonly url?: string;
}

/** `failure`: why the last one that failed did. */
export type UserCounts = Pick<LoadCounts, 'requests' | 'failed' | 'failure'>;

export interface Users {
  counts(): UserCounts;
  /** From here on `unserved` looks. */
  mark(): void;
  /** Why a finding may have nothing to do with the rollout: whatever was answered since the mark failed. Undefined: not so. */
  unserved(): string | undefined;
  stop(): Promise<void>;
}

const ARRIVE_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 50;

/** Returns when one was served. Undefined: the drill brings none. */
export async function startUsers(
  arriving: Arriving,
  plans: Pick<DrilledPlan, 'platform' | 'played'>,
  interrupted: AbortSignal,
): Promise<Users | undefined> {
  if (arriving.rps === 0) return undefined;
  const { base, saidBy } = whereTheyArrive(arriving, plans);
  const load = startLoad(base.replace(/\/+$/, ''), arriving.rps, { ask: arriving.path });
  let marked = load.counts();
  const users: Users = {
    counts: () => {
      const { requests, failed, failure } = load.counts();
      return { requests, failed, ...(failure === undefined ? {} : { failure }) };
    },
    mark: () => {
      marked = load.counts();
    },
    unserved: () => {
      const { failed, served, failure } = load.counts();
      // What is open yet has not failed.
      return served > marked.served || failed === marked.failed ? undefined : tellUnserved(failure);
    },
    stop: () => load.stop(),
  };
  const begun = performance.now();
  while (load.counts().served === 0 && !interrupted.aborted) {
    if (performance.now() - begun > ARRIVE_WITHIN_MS) {
      const { failure } = load.counts();
      await load.stop('cut');
      throw fail(tellUnserved(failure));
    }
    await pause(LOOK_EVERY_MS);
  }
  return users;

  function tellUnserved(failure = `no answer within ${ARRIVE_WITHIN_MS / 1_000} s`): string {
    return `the drill's own requests to ${new URL(base).origin} all fail (${failure}): look whether the router takes users there (${saidBy}) and serves ${arriving.path} (--path), or give --rps 0 where the environment has users`;
  }
}

function whereTheyArrive(
  { url }: Arriving,
  { platform, played }: Pick<DrilledPlan, 'platform' | 'played'>,
): { readonly base: string; readonly saidBy: string } {
  if (url !== undefined) return { base: url, saidBy: '--url' };
  const name = played.connections.router;
  const router = platform.routers[name];
  const base = router?.type === 'exec' ? router.probe?.url : router?.public;
  if (base === undefined)
    throw fail(`routers.${name} does not say where users arrive; say it with --url, or --rps 0 where the environment has users`);
  return { base, saidBy: `routers.${name}.${router?.type === 'exec' ? 'probe.url' : 'public'}, or --url` };
}
