import type { RouterCapabilities } from '../../../domain/route.js';
import { permanent } from '../../errors.js';
import type { Command } from './run-command.js';

export interface ExecCommands {
  readonly read: Command;
  readonly apply: Command;
  readonly revoke: Command;
  readonly finalise: Command;
  readonly confirm: Command;
  readonly renew?: Command;
  readonly inflight?: Command;
}

/**
 * The least that a router can do; the connection says what its platform can do beyond it. A platform of which nobody says in
 * what steps it shifts can only switch, and one of which nobody says how long it takes is given a minute.
 */
const LEAST: RouterCapabilities = {
  stepBp: 10_000,
  split: 'bernoulli',
  fencing: 're-assert',
  lease: false,
  pin: 'none',
  pinMiss: 'falls-through',
  sticky: 'none',
  drain: 'timed',
  streamsSurvive: 'unknown',
  echo: false,
  replicas: 'unknown',
  propagationBoundS: 60,
};

/** Throws for a capability whose command is missing. */
export function capabilitiesOf(declared: Partial<RouterCapabilities>, commands: ExecCommands): RouterCapabilities {
  for (const name of ['read', 'apply', 'revoke', 'finalise', 'confirm', 'renew', 'inflight'] as const) {
    if (commands[name]?.length === 0)
      throw permanent(`exec: the command "${name}" is empty: expected a program and its arguments`);
  }
  const capabilities = { ...LEAST, ...declared };
  if (capabilities.lease && commands.renew === undefined)
    throw permanent('exec: capabilities.lease needs commands.renew: without it every lease would lapse');
  if (capabilities.drain === 'counted' && commands.inflight === undefined)
    throw permanent('exec: capabilities.drain: counted needs commands.inflight');
  return capabilities;
}
