/** Evidence is numbers only: a gate's memory is packed into one flat array by a layout, and read back all or nothing. */
import type { Json } from '../domain/words.js';
import { isNumber } from './samples.js';

export const SCALAR = 0;
/** An array of any length, written with its length before it. */
export const MANY = -1;

/** The order of the fields, each with its size: SCALAR, MANY, or the length of the array. */
export type Layout<S> = { readonly [K in keyof S]-?: number };

type Fields<S> = { readonly [K in keyof S]: number | readonly number[] };

export function pack<S extends Fields<S>>(layout: Layout<S>, state: S): number[] {
  const packed: number[] = [];
  for (const key of Object.keys(layout) as (keyof S)[]) {
    const value: number | readonly number[] = state[key];
    if (typeof value === 'number') packed.push(value);
    else if (layout[key] === MANY) packed.push(value.length, ...value);
    else packed.push(...value);
  }
  return packed;
}

/** Undefined when the value is not exactly what `pack` writes. */
export function unpack<S extends Fields<S>>(layout: Layout<S>, packed: Json | undefined): S | undefined {
  if (!Array.isArray(packed)) return undefined;
  const numbers: readonly unknown[] = packed;
  if (!numbers.every(isNumber)) return undefined;
  const state: Record<string, number | readonly number[]> = {};
  let at = 0;
  for (const key of Object.keys(layout)) {
    const size = layout[key as keyof S];
    const length = size === MANY ? numbers[at++] : size;
    if (length === undefined || !Number.isInteger(length) || length < 0) return undefined;
    const end = at + (size === SCALAR ? 1 : length);
    if (end > numbers.length) return undefined;
    state[key] = size === SCALAR ? (numbers[at] ?? 0) : numbers.slice(at, end);
    at = end;
  }
  return at === numbers.length ? (state as unknown as S) : undefined;
}
