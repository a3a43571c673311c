/** Whether a revision can serve what was made for certain schema pins (A16). */
import type { SchemaPins } from './words.js';

export type PinName = 'SCHEMA_REV' | 'INDEX_HASH' | 'MODEL_TAG';

/** Undefined: not told. */
export interface PinDifference {
  readonly pin: PinName;
  readonly asked: string | number | undefined;
  readonly here: string | number | undefined;
}

const FIELDS = [
  ['SCHEMA_REV', 'schemaRev'],
  ['INDEX_HASH', 'indexHash'],
  ['MODEL_TAG', 'modelTag'],
] as const;

/**
 * SCHEMA_REV is ordered, and `here` must not be behind; INDEX_HASH and MODEL_TAG must be equal. What one side does not tell is
 * not compared.
 */
export function misfits(asked: Partial<SchemaPins>, here: Partial<SchemaPins>): readonly PinDifference[] {
  const isAhead = asked.schemaRev !== undefined && here.schemaRev !== undefined && here.schemaRev > asked.schemaRev;
  return differences(asked, here).filter(({ pin, here: told }) => told !== undefined && !(pin === 'SCHEMA_REV' && isAhead));
}

/** Every pin of `asked` that is another one here, or is not told (R26). */
export function differences(asked: Partial<SchemaPins>, here: Partial<SchemaPins>): readonly PinDifference[] {
  return FIELDS.flatMap(([pin, field]) => {
    const wanted = asked[field];
    return wanted === undefined || wanted === here[field] ? [] : [{ pin, asked: wanted, here: here[field] }];
  });
}

/** Every pin of `here` that `asked` does not tell. */
export function untold(asked: Partial<SchemaPins>, here: SchemaPins): readonly PinDifference[] {
  return FIELDS.flatMap(([pin, field]) => (asked[field] === undefined ? [{ pin, asked: undefined, here: here[field] }] : []));
}

/** Undefined where one of the three is not told. */
export function wholePins({ schemaRev, indexHash, modelTag }: Partial<SchemaPins>): SchemaPins | undefined {
  return schemaRev === undefined || indexHash === undefined || modelTag === undefined
    ? undefined
    : { schemaRev, indexHash, modelTag };
}
