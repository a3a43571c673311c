import type { GateMode } from '../domain/policy.js';
import type { GateName } from '../domain/verdict.js';
import type { z } from 'zod';
import { alphaShare, customGatesSchema } from './custom-gates-schema.js';
import { choice, count, duration, flag, quantity, section, share } from './fields.js';

const MODES = ['sequential', 'threshold', 'observe', 'off'] as const satisfies readonly (GateMode | 'off')[];

function gateShape<Tolerance extends z.ZodType<number>>(tolerance: Tolerance, meaning: string) {
  return {
    mode: choice(MODES).optional().describe('How it decides: at every tick, by the literal rule, only reported, or not at all.'),
    tolerance: tolerance.optional().describe(meaning),
    required: flag().optional().describe('Refuse the rollout when no source measures it, instead of listing it as not judged.'),
    consecutive: count({ least: 1, most: 100 })
      .optional()
      .describe('Ticks in a row over the tolerance before it fails; only in mode threshold.'),
  };
}

function gate<Tolerance extends z.ZodType<number>>(tolerance: Tolerance, meaning: string) {
  return section({ ...gateShape(tolerance, meaning), alpha: alphaShare() });
}

/** By their keys in the file. Tolerances are read into the units of `GatePolicy.tolerance`. */
export const gatesSchema = section({
  errors: gate(
    share({ above: 0, most: 0.5, example: '0.05%' }),
    'More 5xx and cut streams than stable has, in percentage points.',
  ).optional(),
  latency: gate(
    share({ above: 0, most: 10, example: '10%' }).transform((more) => Number((1 + more).toFixed(6))),
    'How much higher p95 may be than that of stable.',
  ).optional(),
  coldStarts: gate(share({ above: 0, most: 1, example: '5%' }), 'Share of cold starts.').optional(),
  queueAge: gate(
    duration({ leastMs: 1_000 }).transform((ms) => ms / 1_000),
    'Rise of the oldest message’s age that matters.',
  ).optional(),
  // The questions are fixed and paired: there is no chance in it that alpha could bound.
  drift: section(gateShape(quantity({ above: 0, most: 1, unit: '' }), 'Median |ΔS| between the revisions.')).optional(),
  dedupe: gate(
    share({ above: 0, most: 1, example: '0.1%' }),
    'Share of replays that were not answered from the record.',
  ).optional(),
  custom: customGatesSchema.optional().describe('Gates of your own, by name.'),
});

type GateKey = Exclude<keyof z.output<typeof gatesSchema>, 'custom'>;
interface GateSettings {
  mode?: GateMode | 'off' | undefined;
  tolerance?: number | undefined;
  required?: boolean | undefined;
  consecutive?: number | undefined;
  alpha?: number | undefined;
}
type Stated<T> = { [K in keyof Omit<T, 'alpha'>]-?: Exclude<T[K], undefined> };

export const GATE_KEYS = ['errors', 'latency', 'coldStarts', 'queueAge', 'drift', 'dedupe'] as const satisfies readonly GateKey[];

export const GATE_NAMES = {
  errors: 'errors',
  latency: 'latency',
  coldStarts: 'cold-starts',
  queueAge: 'queue-age',
  drift: 'drift',
  dedupe: 'dedupe',
} as const satisfies Record<GateKey, GateName>;

/** As a person writes them. A gate that a rollout mentions has these where it says nothing else. */
export const GATE_DEFAULTS = {
  errors: { mode: 'sequential', tolerance: '0.05%', required: true, consecutive: 3 },
  latency: { mode: 'sequential', tolerance: '10%', required: false, consecutive: 3 },
  coldStarts: { mode: 'sequential', tolerance: '5%', required: false, consecutive: 3 },
  queueAge: { mode: 'sequential', tolerance: '30s', required: false, consecutive: 3 },
  drift: { mode: 'sequential', tolerance: 0.03, required: false, consecutive: 3 },
  dedupe: { mode: 'sequential', tolerance: '0.1%', required: false, consecutive: 3 },
} as const satisfies Required<Omit<z.input<typeof gatesSchema>, 'custom'>>;

/** The same in the units of the domain. */
export function gateDefaults(key: GateKey): Stated<GateSettings> {
  return gatesSchema.parse({ [key]: GATE_DEFAULTS[key] })[key] as Stated<GateSettings>;
}
