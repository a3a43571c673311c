#!/usr/bin/env node
/** The only place that reads the process: everything below takes what it needs. */
import { userInfo } from 'node:os';
import { runCommandLine } from './program.js';
import type { Surroundings, Terminal } from './surroundings.js';

const { env, stdout, stderr } = process;

const terminal: Terminal = {
  get columns() {
    return stdout.columns;
  },
  get rows() {
    return stdout.rows;
  },
  colours: (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
  write: (text) => void stdout.write(text),
};

const surroundings: Surroundings = {
  env,
  cwd: process.cwd(),
  out: (line) => void stdout.write(`${line}\n`),
  err: (line) => void stderr.write(`${line}\n`),
  ...(stdout.isTTY ? { terminal } : {}),
  user: login(),
  now: Date.now,
  interrupted,
};

let interruption: AbortSignal | undefined;

/** The first signal asks to come to an end, the second one does not ask. */
function interrupted(): AbortSignal {
  if (interruption !== undefined) return interruption;
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort();
    });
  }
  interruption = controller.signal;
  return interruption;
}

function login(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under an id that nobody has named.
    return env['USER'] ?? 'unknown';
  }
}

// A reader that goes away (`| head`) is no failure of ours.
stdout.on('error', () => process.exit(0));

process.exitCode = await runCommandLine(process.argv.slice(2), surroundings);
// Connections that are closing, and an interrupt's handlers, must not keep the shell waiting; what was written is flushed first.
stdout.write('', () => process.exit());
