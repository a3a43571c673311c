/** Schema pins as they travel: three headers, in every request and in every answer (R24). */
import { differences, misfits, untold, wholePins, type PinDifference } from '../../domain/schema-pins.js';
import type { SchemaPins } from '../../domain/words.js';

export const PIN_HEADERS = { schemaRev: 'x-schema-rev', indexHash: 'x-index-hash', modelTag: 'x-model-tag' } as const;

type PinHeader = (typeof PIN_HEADERS)[keyof typeof PIN_HEADERS];

/** A header by its name in lower case; several of one name come as one text. */
export type ReadHeader = (name: string) => string | undefined;

export type ParsedPins =
  | { readonly kind: 'pins'; readonly pins: SchemaPins }
  | { readonly kind: 'missing'; readonly headers: readonly PinHeader[] }
  | { readonly kind: 'invalid'; readonly headers: readonly PinHeader[] };

/** As in a plan: up to a thousand million. */
const REV = /^(?:\d{1,9}|10{9})$/;
/** Two headers that somebody joined have a space between them. */
const TEXT = /^[!-~]{1,256}$/;

export function parsePins(read: ReadHeader): ParsedPins {
  const told = toldPins(read);
  const pins = wholePins(told);
  if (pins !== undefined) return { kind: 'pins', pins };
  const headers = Object.values(PIN_HEADERS);
  const missing = headers.filter((name) => (read(name)?.trim() ?? '') === '');
  if (missing.length > 0) return { kind: 'missing', headers: missing };
  const { schemaRev, indexHash, modelTag } = told;
  const valid = { [PIN_HEADERS.schemaRev]: schemaRev, [PIN_HEADERS.indexHash]: indexHash, [PIN_HEADERS.modelTag]: modelTag };
  return { kind: 'invalid', headers: headers.filter((name) => valid[name] === undefined) };
}

/** What can be read of them; the rest is not told. */
export function toldPins(read: ReadHeader): Partial<SchemaPins> {
  const told = (name: PinHeader, form: RegExp): string | undefined => {
    const text = read(name)?.trim();
    return text !== undefined && form.test(text) ? text : undefined;
  };
  const schemaRev = told(PIN_HEADERS.schemaRev, REV);
  const indexHash = told(PIN_HEADERS.indexHash, TEXT);
  const modelTag = told(PIN_HEADERS.modelTag, TEXT);
  return {
    ...(schemaRev === undefined ? {} : { schemaRev: Number(schemaRev) }),
    ...(indexHash === undefined ? {} : { indexHash }),
    ...(modelTag === undefined ? {} : { modelTag }),
  };
}

/** Throws `TypeError` for pins that no header can carry: a mistake in the program, not in a request. */
export function headersOf(pins: SchemaPins): Readonly<Record<PinHeader, string>> {
  const headers = {
    [PIN_HEADERS.schemaRev]: String(pins.schemaRev),
    [PIN_HEADERS.indexHash]: pins.indexHash,
    [PIN_HEADERS.modelTag]: pins.modelTag,
  };
  const parsed = parsePins((name) => headers[name as PinHeader]);
  if (parsed.kind !== 'pins')
    throw new TypeError(
      `schema pins of this revision: ${parsed.headers.join(', ')} ${parsed.kind}; expected a whole number from 0 to 1000000000, ` +
        'and two texts of 1 to 256 printable characters without spaces',
    );
  return headers;
}

/** One side of a call was made for other data than the other side has. Nothing of the answer may be used. */
export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch';

  constructor(readonly differences: readonly PinDifference[]) {
    super(`schema pins differ: ${differences.map(inWords).join('; ')}`);
  }
}

/**
 * For whoever writes and whoever retrieves: all three must be told and be the same (R26). A retriever that is ahead reads
 * fields that the writer has not written. Throws `SchemaMismatch`.
 */
export function assertSameSchema(writer: SchemaPins, retriever: Partial<SchemaPins>): void {
  refuse(differences(writer, retriever));
}

/** For a message or a job that carries pins: this side must not be behind (R25). Throws `SchemaMismatch`. */
export function assertSchemaFits(asked: Partial<SchemaPins> | undefined, here: SchemaPins): void {
  // What the message does not carry cannot fit (R24).
  refuse(untold(asked ?? {}, here));
  refuse(misfits(asked ?? {}, here));
}

function refuse(found: readonly PinDifference[]): void {
  if (found.length > 0) throw new SchemaMismatch(found);
}

export const inWords = ({ pin, asked, here }: PinDifference): string =>
  `${pin} is ${here === undefined ? 'not told' : String(here)} here, ${asked === undefined ? 'and what was asked for does not tell it' : `${String(asked)} was asked for`}`;
