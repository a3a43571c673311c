import type { SchemaDifference } from '../domain/effects.js';
import { differences, misfits, type PinDifference } from '../domain/schema-pins.js';
import type { SchemaPins } from '../domain/words.js';

type Pins = Partial<SchemaPins>;

/** Whether requests made for stable can be served by the candidate (A16). What one side does not tell is not compared. */
export function incompatibility(stable: Pins, candidate: Pins): SchemaDifference | undefined {
  const parts = misfits(stable, candidate).map((difference) =>
    difference.pin === 'SCHEMA_REV'
      ? `SCHEMA_REV of the candidate is ${String(difference.here)}, behind stable's ${String(difference.asked)}`
      : unequal(difference, 'stable'),
  );
  return parts.length === 0 ? undefined : { stable, candidate, text: parts.join('; ') };
}

/** X5: what runs must be what was declared; in words, one line a difference. */
export function undeclared(declared: Pins, effective: Pins): readonly string[] {
  return differences(declared, effective)
    .filter(({ here }) => here !== undefined)
    .map((difference) => unequal(difference, 'the plan'));
}

const unequal = ({ pin, asked, here }: PinDifference, whose: string): string =>
  `${pin} of the candidate is ${String(here)}, ${whose} has ${String(asked)}`;
