/** The controller's commands to HAProxy as acts on the maps: what was written, for which ramp, and whether it took effect. */
import type { RecordedCommand } from '../harness/socket-recorder.js';
import type { Circumstances, Evidence } from './evidence.js';

export type Act = ActTime &
  (
    | RouteWrite
    /** A write to the routes that cannot be read as one, or a write to a map that decides in a form that cannot. */
    | { readonly kind: 'unreadable'; readonly text: string }
    | { readonly kind: 'revoke'; readonly ramp: string }
    /** `until` in milliseconds since the epoch; Infinity for `never`. */
    | { readonly kind: 'lease'; readonly ramp: string; readonly until: number }
    | { readonly kind: 'fence'; readonly ramp: string }
    | { readonly kind: 'stable'; readonly slot: string }
  );

export interface ActTime {
  /** When the worker sent it. */
  readonly at: number;
  readonly order: number;
  /** HAProxy did it. A command that it refused, or never got, changed nothing. */
  readonly accepted: boolean;
  /** Infinity for what HAProxy never got, or never answered. */
  readonly forwardedAt: number;
  readonly answeredAt: number;
  readonly answerOrder: number;
  /** Set if it was meant for one worker of HAProxy, as old ones after a reload are reached. */
  readonly worker: string | undefined;
}

export interface RouteWrite {
  readonly kind: 'route';
  readonly key: string;
  /** What the key says, undefined where it is the service alone. */
  readonly keyRamp: string | undefined;
  readonly value: string;
  readonly slot: string;
  readonly bp: number;
  readonly ramp: string;
  readonly sequence: number;
}

export type ActOf<Kind extends Act['kind']> = Extract<Act, { readonly kind: Kind }>;

const DECIDING_MAPS = ['routes', 'leases', 'revoked', 'ramps', 'stable'];

/** All acts on the service, in the order of sending. Acts on other services' ramps are left out. */
export function actsOf(evidence: Evidence, circumstances: Circumstances): Act[] {
  const acts = evidence.commands.flatMap((command) => readCommand(command, circumstances.service));
  const foreign = foreignRamps(evidence, circumstances.service);
  return acts
    .filter((act) => !((act.kind === 'revoke' || act.kind === 'lease') && foreign.has(act.ramp)))
    .sort((one, other) => one.order - other.order);
}

export function isKind<Kind extends Act['kind']>(kind: Kind): (act: Act) => act is ActOf<Kind> {
  return (act): act is ActOf<Kind> => act.kind === kind;
}

/** Writes that give users to a candidate. */
export function raises(acts: readonly Act[]): ActOf<'route'>[] {
  return acts.filter(isKind('route')).filter((act) => act.bp > 0);
}

/** Raising writes that could move users: not those that came late, to a ramp that had been revoked (I7). */
export function powerfulRaises(acts: readonly Act[]): ActOf<'route'>[] {
  return raises(acts).filter((act) => (revocationOf(acts, act.ramp)?.answerOrder ?? Infinity) > act.order);
}

/** Ramps in the order in which they were first written. */
export function rampsOf(acts: readonly Act[]): string[] {
  return [...new Set(acts.filter(isKind('route')).map((act) => act.ramp))].filter((ramp) => ramp !== 'none');
}

/** The revocation that closed the ramp: the first that the serving worker confirmed. Copies to old workers do not count. */
export function revocationOf(acts: readonly Act[], ramp: string): ActOf<'revoke'> | undefined {
  const accepted = acts.filter(isKind('revoke')).filter((act) => act.ramp === ramp && act.accepted);
  return accepted.find((act) => act.worker === undefined) ?? accepted.at(-1);
}

/** Writes of the stable slot that took effect at the serving worker. */
export function finalisations(acts: readonly Act[]): ActOf<'stable'>[] {
  return acts.filter(isKind('stable')).filter((act) => act.accepted && act.worker === undefined);
}

/** Reads `<slot>:<bp>:<sticky>:<ramp>.<sequence>`; undefined if it is anything else. */
export function readRoute(value: string): Pick<RouteWrite, 'slot' | 'bp' | 'ramp' | 'sequence'> | undefined {
  const match = /^([A-Za-z0-9_-]+):(\d{1,5}):(?:on|off|cookie|header):([A-Za-z0-9_~-]+)\.(\d+)$/.exec(value);
  const [, slot, bp, ramp, sequence] = match ?? [];
  if (slot === undefined || ramp === undefined || Number(bp) > 10_000) return undefined;
  return { slot, bp: Number(bp), ramp, sequence: Number(sequence) };
}

function readCommand(recorded: RecordedCommand, service: string): Act[] {
  const { command } = recorded;
  const time: ActTime = {
    at: recorded.at,
    order: recorded.order,
    accepted: recorded.answer === '',
    forwardedAt: recorded.forwardedAt ?? Infinity,
    answeredAt: recorded.answeredAt ?? Infinity,
    answerOrder: recorded.answerOrder ?? Infinity,
    worker: command.worker,
  };
  if (command.kind === 'other') {
    const writes = !/^(show|get|help|prompt|quit)\b/.test(command.text) && / map /.test(command.text);
    return writes ? [{ ...time, kind: 'unreadable', text: command.text }] : [];
  }
  if (!DECIDING_MAPS.includes(command.map)) return [];
  if (command.verb === 'del' || command.verb === 'clear') return readRemoval(command, time, service);
  return command.entries.flatMap((entry) => readEntry(command.map, entry, time, service));
}

function readEntry(map: string, entry: { readonly key: string; readonly value: string }, time: ActTime, service: string): Act[] {
  const { key, value } = entry;
  const [keyService, keyRamp] = key.split('/');
  switch (map) {
    case 'revoked':
      return [{ ...time, kind: 'revoke', ramp: key }];
    case 'leases':
      return [{ ...time, kind: 'lease', ramp: key, until: value === 'never' ? Infinity : Number(value) * 1_000 }];
    case 'ramps':
      return key === service ? [{ ...time, kind: 'fence', ramp: value }] : [];
    case 'stable':
      return key === service ? [{ ...time, kind: 'stable', slot: value }] : [];
    default: {
      if (keyService !== service) return [];
      const route = readRoute(value);
      if (route === undefined) return [{ ...time, kind: 'unreadable', text: `routes ${key} ${value}` }];
      return [{ ...time, kind: 'route', key, keyRamp, value, ...route }];
    }
  }
}

/** Tidying dead ramps away is harmless. Forgetting a revocation, a fence or the stable slot is not. */
function readRemoval(
  command: {
    readonly verb: string;
    readonly map: string;
    readonly text: string;
    readonly entries: readonly { readonly key: string }[];
  },
  time: ActTime,
  service: string,
): Act[] {
  const keys = command.entries.map((entry) => entry.key);
  const concerns = command.verb === 'clear' || command.map === 'revoked' || keys.includes(service);
  return concerns ? [{ ...time, kind: 'unreadable', text: command.text }] : [];
}

function foreignRamps(evidence: Evidence, service: string): Set<string> {
  const owners = new Map<string, Set<string>>();
  for (const { command } of evidence.commands) {
    if (command.kind !== 'map-write' || command.map !== 'routes') continue;
    for (const { key, value } of command.entries) {
      const ramp = readRoute(value)?.ramp;
      if (ramp !== undefined) owners.set(ramp, (owners.get(ramp) ?? new Set()).add(key.split('/')[0] ?? ''));
    }
  }
  return new Set([...owners].filter(([, services]) => !services.has(service)).map(([ramp]) => ramp));
}
