import type { Clock } from './dependencies.js';
import { throwIfCancelled, type Execution } from './execution.js';
import { transient } from '../providers/errors.js';

/** Why a wait that is not needed any more ends. Without a reason every abort makes an exception with a stack, which costs more. */
const OVER = 'over';

/**
 * The call's answer, or a transient error after `ms`; the call's own signal is aborted then. A call that ignores its signal
 * is left behind, and what it brings later is nobody's. An abort of `outer` rejects with that signal's reason.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const cutOff = new AbortController();
  const over = new AbortController();
  const follow = (): void => {
    cutOff.abort(outer?.reason);
  };
  if (outer?.aborted === true) follow();
  outer?.addEventListener('abort', follow, { once: true });
  const cut = new Promise<never>((_, reject) => {
    const leave = (): void => {
      reject(cutOff.signal.reason as Error);
    };
    if (cutOff.signal.aborted) leave();
    else cutOff.signal.addEventListener('abort', leave, { once: true });
  });
  const deadline = clock.sleep(ms, over.signal).then(() => {
    if (!over.signal.aborted) cutOff.abort(transient(`no answer within ${String(ms)} ms`));
  });
  try {
    return await Promise.race([(async () => call(cutOff.signal))(), cut]);
  } finally {
    over.abort(OVER);
    await deadline;
    outer?.removeEventListener('abort', follow);
  }
}

/** Waits, and ends with the activity's cancellation. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal);
  throwIfCancelled(signal);
}

/** What goes on during a wait: `enough` ends it, and `over` aborts once it has ended. */
export type Meanwhile = (enough: () => void, over: AbortSignal) => void;

/** Waits `ms`; less where `signal` aborts, or where what goes on meanwhile says that it is enough. */
export async function upTo(clock: Clock, ms: number, signal: AbortSignal, meanwhile: Meanwhile): Promise<void> {
  const over = new AbortController();
  const enough = (): void => {
    over.abort(OVER);
  };
  signal.addEventListener('abort', enough, { once: true });
  if (signal.aborted) enough();
  meanwhile(enough, over.signal);
  await clock.sleep(ms, over.signal);
  enough();
  signal.removeEventListener('abort', enough);
}

/** Waits between tries of a route write and its confirmation (design.md §5): 50 ms, ×1.5, at most 2 s. */
export function* quickBackoff(): Generator<number, never> {
  for (let ms = 50; ; ms = Math.min(2_000, ms * 1.5)) yield Math.round(ms);
}

export interface Tries {
  readonly times: number;
  readonly pauseMs: number;
  /** Of each try. */
  readonly deadlineMs: number;
}

const A_FEW: Tries = { times: 3, pauseMs: 300, deadlineMs: 3_000 };

/** A few quick tries; the last error is thrown. */
export async function persistently<T>(
  clock: Clock,
  { signal }: Execution,
  call: (signal: AbortSignal) => Promise<T>,
  tries: Tries = A_FEW,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await within(clock, tries.deadlineMs, call, signal);
    } catch (error) {
      throwIfCancelled(signal);
      if (tried >= tries.times) throw error;
      await pause(clock, tries.pauseMs, signal);
    }
  }
}
