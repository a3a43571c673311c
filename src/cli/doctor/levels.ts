/**
 * What a service offers, level by level, and which gates that makes available (design.md §4). Asked as a rollout would ask:
 * pinned to stable through the router, and through the metrics connections. Writes nothing.
 */
import { systemClock } from '../../activities/clock.js';
import { isRecord, parseObject } from '../../activities/json.js';
import { askPinned, describeAnswer } from '../../activities/pinned-request.js';
import { isFed } from '../../activities/supervise/sources.js';
import type { Reading } from '../../domain/reading.js';
import type { GateName } from '../../domain/verdict.js';
import type { Revision, Target } from '../../domain/words.js';
import { GATES_OF, PARTS } from '../../guard/service/parts.js';
import type { MetricSource, TrafficRouter } from '../../providers/ports.js';
import { absent, failed, ok, warning, type Check } from './checks.js';
import { oneLine } from '../render/text.js';

export interface Named<Port> {
  readonly name: string;
  readonly port: Port;
}

const DEADLINE_MS = 5_000;
const IDENTITY_PATH = '/.well-known/release';
const GATES: readonly GateName[] = ['errors', 'latency', 'cold-starts', 'queue-age', 'dedupe'];

/** Empty where the router cannot be read or does not know who is stable: its own check says so. */
export async function checkLevels(
  target: Target,
  router: Named<TrafficRouter>,
  metrics: readonly Named<MetricSource>[],
): Promise<readonly Check[]> {
  const stable = await router.port.read(target).then(
    (route) => route.stable,
    () => undefined,
  );
  if (stable === undefined) return [];
  const { checks, parts } = await levels(target, router, stable);
  return [...checks, ...(await gates(target, metrics, stable, parts))];
}

interface Levels {
  readonly checks: readonly Check[];
  /** Of the guard, that are on. */
  readonly parts: readonly string[];
}

async function levels(target: Target, { name, port }: Named<TrafficRouter>, stable: Revision): Promise<Levels> {
  const what = (level: number): string => `level ${level} (${name})`;
  try {
    const recipe = await port.probe(target, stable);
    const tools = { clock: systemClock, fetch: globalThis.fetch };
    const answer = await askPinned(tools, recipe, IDENTITY_PATH, {
      deadlineMs: DEADLINE_MS,
      signal: new AbortController().signal,
    });
    if (answer.kind !== 'answered')
      return only(failed(what(0), `pinned to ${stable.id}: ${describeAnswer(answer)}; no probe could tell the revisions apart`));
    const identity = answer.status === 200 ? parseObject(answer.body) : undefined;
    const parts = namesIn(identity?.['parts']);
    return { checks: [ok(what(0), `${stable.id} answers as itself when pinned`), ...above(what, identity, parts)], parts };
  } catch (error) {
    return only(failed(what(0), `${stable.id} cannot be pinned: ${messageOf(error)}`));
  }
}

const only = (check: Check): Levels => ({ checks: [check], parts: [] });

/** Each level opens more: who runs, whether effects come twice, whether requests of one revision fit the other. */
function above(
  what: (level: number) => string,
  identity: Readonly<Record<string, unknown>> | undefined,
  parts: readonly string[],
): readonly Check[] {
  const release = identity?.['releaseId'];
  const pins = isRecord(identity?.['schemaPins']) ? Object.entries(identity['schemaPins']) : [];
  return [
    typeof release === 'string'
      ? ok(what(1), `identity: it is release ${printable(release)}`)
      : absent(what(1), `identity: ${IDENTITY_PATH} says no releaseId; that the right release runs is not checked`),
    parts.length > 0
      ? ok(what(2), `guard: ${parts.map(printable).join(', ')}`)
      : absent(what(2), 'guard: no part of it is on; effects that come twice are not seen'),
    pins.length > 0
      ? ok(what(3), `schema pins: ${pins.map(([key, value]) => printable(`${key} ${String(value)}`)).join(', ')}`)
      : absent(what(3), 'schema pins: none are told; whether the revisions fit each other is not checked'),
  ];
}

/** Which gates would be in force now: those whose signal some connection gives for stable. */
async function gates(
  target: Target,
  metrics: readonly Named<MetricSource>[],
  stable: Revision,
  parts: readonly string[],
): Promise<readonly Check[]> {
  const measured = await Promise.all(metrics.map((source) => measure(target, source, stable)));
  const sourceOf = (gate: GateName): string | undefined => measured.find(({ signals }) => isFed(gate, signals))?.name;
  const available = GATES.flatMap((gate) => {
    const source = sourceOf(gate);
    return source === undefined ? [] : [`${gate} (${source})`];
  });
  const missing = GATES.filter((gate) => sourceOf(gate) === undefined);
  const counted = PARTS.flatMap((part) => (parts.includes(part) ? (GATES_OF[part] ?? []) : [])).filter((gate) =>
    missing.includes(gate),
  );
  const remedy =
    counted.length === 0 ? '' : ` (the service counts ${counted.join(', ')}: read it by a metrics connection with from: guard)`;
  const not = missing.length === 0 ? '' : `; nobody measures ${missing.join(', ')} now${remedy}`;
  const unread = measured.flatMap(({ name, error }) =>
    error === undefined ? [] : [warning(`metrics ${name}`, `${target.service}: ${error}`)],
  );
  return [
    ...unread,
    sourceOf('errors') === undefined
      ? warning(
          'gates',
          `${available.join(', ') || 'none'}${not}; without errors preflight refuses, unless idle.then is accept-on-probes`,
        )
      : ok('gates', `${available.join(', ')}${not}`),
  ];
}

interface Measured {
  readonly name: string;
  readonly signals: readonly (keyof Reading)[];
  readonly error?: string;
}

/** The base of a step is read and thrown away: a signal that is not there is absent from it. */
async function measure(target: Target, { name, port }: Named<MetricSource>, stable: Revision): Promise<Measured> {
  try {
    const { reading } = await port.read(target, { stable, candidate: beside(stable) }, 'begin', AbortSignal.timeout(DEADLINE_MS));
    return { name, signals: Object.keys(reading) as (keyof Reading)[] };
  } catch (error) {
    return { name, signals: [], error: messageOf(error) };
  }
}

/** The other slot; where a router has none, stable stands for both. */
function beside(stable: Revision): Revision {
  const other = { blue: 'green', green: 'blue' }[stable.slot ?? stable.id];
  return other === undefined ? stable : { id: other, release: '', slot: other };
}

/** As text, or as objects with a name. */
function namesIn(parts: unknown): readonly string[] {
  if (!Array.isArray(parts)) return [];
  return parts.flatMap((part: unknown) => {
    const name = isRecord(part) ? part['name'] : part;
    return typeof name === 'string' ? [name] : [];
  });
}

/** What services say of themselves comes from outside. */
const printable = (text: string): string => oneLine(text).slice(0, 80);
const messageOf = (error: unknown): string => oneLine(error instanceof Error ? error.message : String(error));
