import type { GatePolicy } from '../../domain/policy.js';
import type { Reading } from '../../domain/reading.js';
import type { Revision } from '../../domain/words.js';
import { throwIfCancelled } from '../execution.js';
import { describeError } from '../failures.js';
import { measuredPair } from '../measured-pair.js';
import { isFed } from '../supervise/sources.js';
import { persistently } from '../waiting.js';
import { both, NOTHING, refuse, warn, type Checking, type Found } from './checking.js';

export interface GatesFound {
  readonly found: Found;
  readonly inForce: readonly GatePolicy[];
  readonly notJudged: readonly GatePolicy[];
}

interface SourceFound {
  readonly found: Found;
  readonly signals: readonly (keyof Reading)[];
}

/** The gates in force are fixed here: those for which some source gives the signal. */
export async function checkGates(on: Checking, stable: Revision | undefined): Promise<GatesFound> {
  const { plan, where } = on;
  const sources = await Promise.all(where.connections.metrics.map((name) => checkSource(on, name, stable)));
  const signals = sources.flatMap((source) => source.signals);
  // What the rollout itself says how to measure was tried just now, like everything else that the source gives.
  const isMeasured = ({ gate, measure }: GatePolicy): boolean =>
    measure === undefined ? isFed(gate, signals) : where.connections.metrics.includes(measure.source);
  const inForce = plan.judge.gates.filter(isMeasured);
  const notJudged = plan.judge.gates.filter((gate) => !isMeasured(gate));
  const required = notJudged.filter((gate) => gate.required).map(({ gate }) => gate);
  const unguarded = !inForce.some(({ gate }) => gate === 'errors') && plan.idleThen !== 'accept-on-probes';
  const found = both(
    ...sources.map((source) => source.found),
    required.length > 0 ? refuse(`no metrics connection gives what the required gates need: ${required.join(', ')}`) : NOTHING,
    unguarded
      ? refuse('no error gate would be in force: name a metrics connection that gives errors, or set idle.then: accept-on-probes')
      : NOTHING,
    notJudged.length > required.length
      ? warn(
          `not judged, because no metrics connection gives the signal: ${notJudged
            .filter((gate) => !gate.required)
            .map(({ gate }) => gate)
            .join(', ')}`,
        )
      : NOTHING,
  );
  return { found, inForce, notJudged };
}

/** Readable means read: a source that only describes itself may still be unreachable. Its base is thrown away. */
async function checkSource(
  { tools, run, where, plan }: Checking,
  name: string,
  stable: Revision | undefined,
): Promise<SourceFound> {
  try {
    const source = tools.ports.metrics(name);
    const { signals, sameInstant } = await persistently(tools.clock, run, () => source.describe(where.target));
    if (stable !== undefined)
      await persistently(tools.clock, run, (signal) =>
        source.read(where.target, measuredPair(name, stable, plan.candidate, plan.judge.gates), 'begin', signal),
      );
    return {
      found: sameInstant
        ? NOTHING
        : warn(`metrics "${name}" reads the two revisions at different instants: more false alarms during outages (judge.md §0)`),
      signals,
    };
  } catch (error) {
    throwIfCancelled(run.signal);
    return { found: refuse(`metrics "${name}" cannot be read: ${describeError(error)}`), signals: [] };
  }
}
