/**
 * Bounded waiting. Tests never sleep to synchronise: a sleep that is long enough on a busy machine is slow everywhere, and
 * one that is not lies. They wait for a condition, and when it does not come the error says what was awaited and what was
 * seen instead.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface Wait {
  /** The bound. Reaching it is an error, never a silent go-on. */
  readonly withinMs: number;
  /** Completes the sentence "waited for …". */
  readonly what: string;
  /** Time between two looks; 20 ms unless told. */
  readonly everyMs?: number;
}

/** A condition did not come true in time. */
export class WaitedInVain extends Error {
  override readonly name = 'WaitedInVain';
}

/**
 * Looks until `condition` gives a truthy value and returns that value. A look that throws counts as "not yet": what is
 * awaited is often a server that refuses connections until it is up; the last error is named if the bound is reached.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  wait: Wait,
): Promise<Exclude<T, undefined | null | false | 0 | ''>> {
  const seen = await look(condition, (value) => Boolean(value), wait);
  return seen as Exclude<T, undefined | null | false | 0 | ''>;
}

/** Reads until `accepts` agrees and returns the accepted value; for conditions whose last value explains the failure. */
export async function untilSeen<T>(read: () => T | Promise<T>, accepts: (value: T) => boolean, wait: Wait): Promise<T> {
  return look(read, accepts, wait);
}

async function look<T>(read: () => T | Promise<T>, accepts: (value: T) => boolean, wait: Wait): Promise<T> {
  const begun = performance.now();
  let last = 'nothing';
  for (;;) {
    const left = wait.withinMs - (performance.now() - begun);
    const outcome = await lookOnce(read, Math.max(left, 1));
    if (outcome.kind === 'value' && accepts(outcome.value)) return outcome.value;
    last = describe(outcome);
    if (performance.now() - begun >= wait.withinMs) {
      throw new WaitedInVain(`waited ${String(wait.withinMs)} ms in vain for ${wait.what}; last seen: ${last}`);
    }
    await pause(wait.everyMs ?? 20);
  }
}

type Look<T> =
  { readonly kind: 'value'; readonly value: T } | { readonly kind: 'error'; readonly error: unknown } | { readonly kind: 'hung' };

/** A look may hang (a connection nobody answers), and the bound holds for it too. */
async function lookOnce<T>(read: () => T | Promise<T>, leftMs: number): Promise<Look<T>> {
  const timer = new AbortController();
  const hung = pause(leftMs, { kind: 'hung' } as const, { signal: timer.signal }).catch(() => ({ kind: 'hung' }) as const);
  const looked = (async (): Promise<Look<T>> => {
    try {
      return { kind: 'value', value: await read() };
    } catch (error) {
      return { kind: 'error', error };
    }
  })();
  try {
    return await Promise.race([looked, hung]);
  } finally {
    timer.abort();
  }
}

function describe(outcome: Look<unknown>): string {
  if (outcome.kind === 'hung') return 'a look that did not return';
  if (outcome.kind === 'error') {
    return outcome.error instanceof Error ? `error: ${outcome.error.message}` : `error: ${inspect(outcome.error)}`;
  }
  return inspect(outcome.value, { depth: 4, breakLength: 160 }).slice(0, 2_000);
}
