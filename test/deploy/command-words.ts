/** Holds a command line against the commands and options that the program really has, without running it. */
import assert from 'node:assert/strict';
import { runCommandLine } from '../../src/cli/program.js';
import { recorded } from '../cli/surroundings.js';

const HELP = new Map<string, Promise<string>>();

async function helpOf(command: string): Promise<string> {
  const { surroundings, out, err } = recorded();
  const code = await runCommandLine([command, '--help'], surroundings);
  assert.equal(code, 0, `sluice ${command}: ${err.join(' ')}`);
  return out.join('\n');
}

export async function assertCommand([command = '', ...words]: readonly string[]): Promise<void> {
  const asked = HELP.get(command) ?? helpOf(command);
  HELP.set(command, asked);
  const help = await asked;
  for (const word of words.filter((text) => text.startsWith('-')))
    assert.match(help, new RegExp(`(^|\\s)${word.replace(/=.*$/, '')}(?=[\\s,=])`, 'm'), `sluice ${command} has no ${word}`);
}
