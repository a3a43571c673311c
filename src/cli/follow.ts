/** Follows a rollout for somebody: a live picture on a terminal, one line per change everywhere else. */
import type { Sighting, SluiceClient } from '../client/index.js';
import type { Target } from '../domain/words.js';
import { exitOfSighting, type ExitCode, type Goal } from './exit-codes.js';
import { liveView } from './live-view.js';
import type { Format } from './options.js';
import { changes, type Seen } from './render/changes.js';
import { screen } from './render/screen.js';
import type { View } from './render/view.js';
import { paintOf, type Surroundings } from './surroundings.js';

export interface Following {
  readonly goal: Goal;
  readonly format: Format;
  /** Stop after this long, in milliseconds. */
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

export type Followed = { readonly last: Sighting | undefined } &
  /** `exit` is what the rollout gave. */
  (
    | { readonly kind: 'settled'; readonly exit: ExitCode }
    | { readonly kind: 'timed-out' }
    | { readonly kind: 'interrupted' }
    /** Temporal has been away for too long to go on waiting. */
    | { readonly kind: 'lost' }
  );

const TIMED_OUT = 'timed-out';

/** A restart of Temporal is survived; a pipeline that waits for a server that is gone helps nobody. */
const LONGEST_OUTAGE_MS = 5 * 60_000;

export async function follow(
  client: SluiceClient,
  surroundings: Surroundings,
  target: Target,
  { goal, format, timeoutMs, everyMs }: Following,
): Promise<Followed> {
  const over = new AbortController();
  const interrupted = surroundings.interrupted();
  const stop = (): void => {
    over.abort();
  };
  interrupted.addEventListener('abort', stop, { once: true });
  if (interrupted.aborted) stop();
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          over.abort(TIMED_OUT);
        }, timeoutMs);
  const show = presenter(surroundings, target, format);
  const known = await viewOf(client, surroundings, target);
  let seen: Seen = {};
  let awaySince: number | undefined;
  try {
    for await (const sighting of client.watch(target, { signal: over.signal, ...(everyMs === undefined ? {} : { everyMs }) })) {
      const view = known();
      show(seen, sighting, view);
      seen = { ...seen, last: sighting, ...(sighting.kind === 'open' ? { open: sighting } : {}) };
      const exit = exitOfSighting(sighting, {
        goal,
        now: view.now,
        ...(view.plan === undefined ? {} : { inconclusiveMs: view.plan.limits.inconclusiveMs }),
      });
      if (exit !== undefined) return { kind: 'settled', exit, last: sighting };
      awaySince = sighting.kind === 'unreachable' ? (awaySince ?? surroundings.now()) : undefined;
      if (awaySince !== undefined && surroundings.now() - awaySince > LONGEST_OUTAGE_MS) return { kind: 'lost', last: sighting };
    }
    return { kind: over.signal.reason === TIMED_OUT ? 'timed-out' : 'interrupted', last: seen.last };
  } finally {
    clearTimeout(timer);
    interrupted.removeEventListener('abort', stop);
  }
}

/** The plan and the offset of Temporal's clock, asked for once. Neither is needed to follow; both make the picture better. */
export async function viewOf(client: SluiceClient, surroundings: Surroundings, target: Target): Promise<() => View> {
  const [clock, status] = await Promise.all([
    client.clock().catch(() => undefined),
    client.status(target, { withinMs: 1_000 }).catch(() => undefined),
  ]);
  const input =
    status === undefined || status.kind === 'none' ? undefined : await client.input(status.execution).catch(() => undefined);
  const paint = paintOf(surroundings);
  return () => ({
    now: surroundings.now() + (clock?.offsetMs ?? 0),
    paint,
    ...(input === undefined ? {} : { plan: input.plan }),
  });
}

type Present = (seen: Seen, now: Sighting, view: View) => void;

function presenter({ terminal, out }: Surroundings, target: Target, format: Format): Present {
  if (format === 'json') {
    return ({ last }, now) => {
      if (JSON.stringify(last) !== JSON.stringify(now)) out(JSON.stringify(now));
    };
  }
  if (terminal === undefined || format === 'github') {
    return (seen, now, view) => {
      for (const line of changes(seen, now, target, view)) out(line);
    };
  }
  const picture = liveView(terminal);
  return (_seen, now, view) => {
    // How it ended is the ending's to say.
    if (now.kind === 'open' || now.kind === 'silent' || now.kind === 'unreachable') picture.draw(screen(now, target, view));
  };
}
