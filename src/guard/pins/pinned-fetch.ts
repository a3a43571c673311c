/** Outgoing calls that say for which data they were made, and believe no answer that was made for other data. */
import { differences, misfits } from '../../domain/schema-pins.js';
import type { SchemaPins } from '../../domain/words.js';
import { checkOptions, needed, oneOf, optional } from '../options.js';
import { headersOf, SchemaMismatch, toldPins } from './schema-pins.js';

export interface PinnedFetchOptions {
  /** Of the revision that calls. */
  readonly pins: SchemaPins;
  readonly fetch?: typeof globalThis.fetch | undefined;
  /**
   * What an answer must say. `fits` (the default): what it tells must not be behind, and not differ. `same`: it must tell all
   * three, and the same ones; for writers and retrievers of one index (R26).
   */
  readonly answers?: 'fits' | 'same' | undefined;
}

const WANTS = {
  pins: needed('object', 'the schema pins of the revision that calls'),
  fetch: optional('function'),
  answers: oneOf('fits', 'same'),
};

/**
 * Stamps every request. Rejects with `SchemaMismatch` for a 2xx of a revision that does not fit; a refusal, such as the 412 of
 * one that is behind, is an answer like any other. Throws `TypeError` for pins that no header can carry.
 */
export function pinnedFetch(options: PinnedFetchOptions): typeof globalThis.fetch {
  checkOptions<PinnedFetchOptions>('pinnedFetch', options, WANTS);
  const { pins, fetch = globalThis.fetch, answers = 'fits' } = options;
  const stamp = Object.entries(headersOf(pins));
  return async (input, init) => {
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    for (const [name, value] of stamp) headers.set(name, value);
    const response = await fetch(input, { ...init, headers });
    const told = toldPins((name) => response.headers.get(name) ?? undefined);
    const found = answers === 'same' ? differences(pins, told) : misfits(pins, told);
    if (!response.ok || found.length === 0) return response;
    await response.body?.cancel();
    throw new SchemaMismatch(found);
  };
}
