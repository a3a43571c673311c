import type { Surroundings } from '../../src/cli/surroundings.js';

export interface Recorded {
  readonly surroundings: Surroundings;
  readonly out: string[];
  readonly err: string[];
}

/** Surroundings that remember what was said. */
export function recorded(overrides: Partial<Surroundings> = {}): Recorded {
  const out: string[] = [];
  const err: string[] = [];
  const never = new AbortController().signal;
  return {
    out,
    err,
    surroundings: {
      env: {},
      cwd: '/nowhere',
      out: (line) => void out.push(line),
      err: (line) => void err.push(line),
      user: 'login',
      now: () => 0,
      interrupted: () => never,
      ...overrides,
    },
  };
}
