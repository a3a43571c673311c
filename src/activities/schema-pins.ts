import type { SchemaDifference } from '../domain/effects.js';
import type { SchemaPins } from '../domain/words.js';

type Pins = Partial<SchemaPins>;

/**
 * Whether requests made for stable can be served by the candidate (A16): SCHEMA_REV is ordered and the candidate must not be
 * behind; INDEX_HASH and MODEL_TAG must be equal. What one side does not tell is not compared.
 */
export function incompatibility(stable: Pins, candidate: Pins): SchemaDifference | undefined {
  const parts = [
    ...(isBehind(stable, candidate)
      ? [`SCHEMA_REV of the candidate is ${String(candidate.schemaRev)}, behind stable's ${String(stable.schemaRev)}`]
      : []),
    ...unequal('INDEX_HASH', stable.indexHash, candidate.indexHash, 'stable'),
    ...unequal('MODEL_TAG', stable.modelTag, candidate.modelTag, 'stable'),
  ];
  return parts.length === 0 ? undefined : { stable, candidate, text: parts.join('; ') };
}

/** X5: what runs must be what was declared; in words, one line a difference. */
export function undeclared(declared: Pins, effective: Pins): readonly string[] {
  return [
    ...unequal('SCHEMA_REV', declared.schemaRev, effective.schemaRev, 'the plan'),
    ...unequal('INDEX_HASH', declared.indexHash, effective.indexHash, 'the plan'),
    ...unequal('MODEL_TAG', declared.modelTag, effective.modelTag, 'the plan'),
  ];
}

const isBehind = (stable: Pins, candidate: Pins): boolean =>
  stable.schemaRev !== undefined && candidate.schemaRev !== undefined && candidate.schemaRev < stable.schemaRev;

function unequal(
  name: string,
  other: string | number | undefined,
  candidate: string | number | undefined,
  whose: string,
): readonly string[] {
  if (other === undefined || candidate === undefined || other === candidate) return [];
  return [`${name} of the candidate is ${String(candidate)}, ${whose} has ${String(other)}`];
}
