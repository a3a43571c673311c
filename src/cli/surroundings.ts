import type { Environment } from '../spec/substitution.js';
import { coloured, plain, type Paint } from './render/text.js';

/** What a command meets outside: read once in `main.ts`, handed in everywhere else, so that every command can be driven in a test. */
export interface Surroundings {
  readonly env: Environment;
  /** Where relative paths begin. */
  readonly cwd: string;
  /** Writes one line. */
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /** Absent when standard output is no terminal: then nothing is redrawn. */
  readonly terminal?: Terminal;
  /** Name of whoever runs this. */
  readonly user: string;
  readonly now: () => number;
  /** From the first call on, SIGINT and SIGTERM abort this instead of ending the process. */
  readonly interrupted: () => AbortSignal;
}

export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  readonly colours: boolean;
  readonly write: (text: string) => void;
}

export function paintOf({ terminal }: Pick<Surroundings, 'terminal'>): Paint {
  return terminal?.colours === true ? coloured : plain;
}
