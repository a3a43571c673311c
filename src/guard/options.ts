/**
 * What options must be. They are looked at where something is set up: a name that is mistyped and a value of another kind would
 * otherwise be noticed by what they did not do. Values are never told, for one of them may be a secret in the wrong place.
 */
interface Kind {
  readonly words: string;
  readonly is: (value: unknown) => boolean;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

const KINDS = {
  function: { words: 'a function', is: (value) => typeof value === 'function' },
  text: { words: 'a text that is not empty', is: isText },
  texts: { words: 'a list of texts', is: areTexts },
  someTexts: { words: 'a list of at least one text', is: (value) => areTexts(value) && (value as readonly unknown[]).length > 0 },
  flag: { words: 'true or false', is: (value) => typeof value === 'boolean' },
  limit: { words: 'a number above 0', is: (value) => typeof value === 'number' && value > 0 },
  duration: { words: 'milliseconds, 0 or more', is: (value) => Number.isFinite(value) && Number(value) >= 0 },
  object: { words: 'an object', is: (value) => typeof value === 'object' && value !== null },
  /** Looked at by whoever uses it. */
  anything: { words: 'a value', is: () => true },
} satisfies Readonly<Record<string, Kind>>;

interface Wanted extends Kind {
  readonly isNeeded: boolean;
}

/** `words` say more of what is expected than its kind does. */
export const needed = (kind: keyof typeof KINDS, words: string = KINDS[kind].words): Wanted => ({
  words,
  is: KINDS[kind].is,
  isNeeded: true,
});
/** The same, where it may be left out. */
export const ifGiven = (wanted: Wanted): Wanted => ({ ...wanted, isNeeded: false });
export const optional = (kind: keyof typeof KINDS, words?: string): Wanted => ifGiven(needed(kind, words));

/** One of several words. */
export const oneOf = (...allowed: readonly string[]): Wanted => ({
  words: allowed.map((word) => JSON.stringify(word)).join(' or '),
  is: (value) => allowed.includes(value as string),
  isNeeded: false,
});

export type Wants<Options> = { readonly [name in keyof Required<Options>]: Wanted };

/** An object that has this method, whatever else it is. */
export const having = (method: string, words: string): Wanted => ({
  words,
  is: (value) => typeof (value as Readonly<Record<string, unknown>> | null)?.[method] === 'function',
  isNeeded: true,
});

/** Throws `TypeError`. `whose` is what they are options of. */
export function checkOptions<Options extends object>(whose: string, given: unknown, wants: Wants<Options>): void {
  const known: Readonly<Record<string, Wanted>> = wants;
  const names = Object.keys(known).join(', ');
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${whose} takes its options as an object (${names}), and got ${kindOf(given)}`);
  // Own ones: those of a class's prototype are its methods as well.
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && !Object.hasOwn(known, name))
      throw new TypeError(`${whose} knows no option "${name}"; it knows ${names}`);
  for (const [name, wanted] of Object.entries(known))
    checkValue(`options.${name}`, (given as Readonly<Record<string, unknown>>)[name], wanted);
}

/** Throws `TypeError`, for a value that is no option. */
export function checkValue(name: string, value: unknown, { words, is, isNeeded }: Wanted): void {
  if (value === undefined && !isNeeded) return;
  if (value === undefined) throw new TypeError(`${name} is missing: expected ${words}`);
  if (!is(value)) throw new TypeError(`${name} is ${kindOf(value)}, expected ${words}`);
}

/** A value as a message may tell it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === '') return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Promise) return 'a promise: await it first';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `of type ${typeof value}`;
}
