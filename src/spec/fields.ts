/**
 * The kinds of value that the files are made of. Every schema's error message is the text that follows "expected" in a
 * problem, so that what is allowed is said in one place, to people and in the reference.
 *
 * Numbers and switches may also come as text: a placeholder or a `--set` always yields text.
 */
import { z } from 'zod';
import { EVERYBODY } from '../domain/words.js';
import { DURATION_PATTERN, formatDuration, LONGEST_MS, parseDuration } from './durations.js';
import { formatShare, parseShare, parseWeight, SHARE_PATTERN, WEIGHT_PATTERN } from './percent.js';

/** Text of a fixed form. */
export function text(pattern: RegExp, expected: string): z.ZodString {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

/** A mapping with these keys and no others. For an unknown key the message lists the known ones, separated by spaces. */
export function section<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const keys = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? keys.join(' ') : `a mapping with the keys ${keys.join(', ')}`),
  });
}

function read<Input extends z.ZodType, T>(input: Input, expected: string, parse: (value: z.output<Input>) => T | undefined) {
  return input.transform((value, context): T => {
    const parsed = parse(value);
    if (parsed !== undefined) return parsed;
    context.issues.push({ code: 'custom', message: expected, input: value });
    return z.NEVER;
  });
}

/** Milliseconds from `500ms`, `5s`, `5m`, `2h` or `1d`. */
export function duration({ leastMs = 0, mostMs = LONGEST_MS }: { leastMs?: number; mostMs?: number } = {}) {
  const atLeast = leastMs > 0 ? ` of at least ${formatDuration(leastMs)}` : '';
  const expected =
    mostMs < LONGEST_MS
      ? `a duration from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}`
      : `a duration${atLeast} such as 500ms, 5s, 5m, 2h or 1d`;
  return read(text(DURATION_PATTERN, expected), expected, (value) => {
    const ms = parseDuration(value);
    return ms === undefined || ms < leastMs || ms > mostMs ? undefined : ms;
  });
}

/** Basis points from a percentage down to 0.01 %. */
export function weight({ leastBp, mostBp = EVERYBODY }: { leastBp: number; mostBp?: number }) {
  const expected = `a percentage from ${leastBp === 0 ? '0' : String(leastBp / 100)} to ${String(mostBp / 100)}, in steps of 0.01`;
  const input = z.union([z.number({ error: expected }), text(WEIGHT_PATTERN, expected)], { error: expected });
  return read(input, expected, (value) => {
    const weightBp = parseWeight(value);
    return weightBp === undefined || weightBp < leastBp || weightBp > mostBp ? undefined : weightBp;
  });
}

/** A fraction of 1 from a percentage that carries its sign. */
export function share({ above, most, example }: { above: number; most: number; example: string }) {
  const expected = `a percentage with its sign, over ${formatShare(above)} and at most ${formatShare(most)}, such as ${example}`;
  return read(text(SHARE_PATTERN, expected), expected, (value) => {
    const fraction = parseShare(value);
    return fraction === undefined || fraction <= above || fraction > most ? undefined : fraction;
  });
}

function numeric(number: z.ZodNumber, expected: string) {
  const fromText = text(/^\d{1,15}(\.\d{1,15})?$/, expected)
    .transform(Number)
    .pipe(number);
  return z.union([number, fromText], { error: expected });
}

export function count({ least, most }: { least: number; most: number }) {
  const expected = `a whole number from ${String(least)} to ${String(most)}`;
  return numeric(z.int({ error: expected }).min(least, { error: expected }).max(most, { error: expected }), expected);
}

export function quantity({ above, most, unit }: { above: number; most: number; unit: string }) {
  const expected = `a number over ${String(above)} and at most ${String(most)}${unit === '' ? '' : ` ${unit}`}`;
  return numeric(z.number({ error: expected }).gt(above, { error: expected }).max(most, { error: expected }), expected);
}

export function flag() {
  const expected = 'true or false';
  return z.union(
    [z.boolean({ error: expected }), z.enum(['true', 'false'], { error: expected }).transform((value) => value === 'true')],
    { error: expected },
  );
}

export function choice<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, { error: names.length === 1 ? names[0] : `one of ${names.join(', ')}` });
}

/** One value or a list of them; always a list afterwards. */
export function oneOrMore<Item extends z.ZodType>(item: Item, expected: string) {
  const list = z.array(item, { error: expected }).min(1, { error: expected }).max(20, { error: expected });
  return z.union([item.transform((value) => [value]), list], { error: expected });
}

/** As a DNS label: workflow ids, map keys and metric labels are made of it. */
export const label = () =>
  text(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'a name of 1 to 63 lower-case letters, digits and inner hyphens');

export const releaseId = () =>
  text(/^[A-Za-z0-9._+-]{1,128}$/, '1 to 128 letters, digits and . _ + - (a version such as 012 or 1.10 needs quotes)');

/** Names of connections, profiles and gates. */
export const name = () => text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'a name of 1 to 63 letters, digits and . _ -');

export const urlPath = () => text(/^\/[^\s#]{0,255}$/, 'a path that begins with /');
