import type { Revision } from '../domain/words.js';

/** A router with slots knows a revision by its slot, and `candidate.revision` may name one (design.md §8). */
const placeOf = (revision: Revision): string => revision.slot ?? revision.id;

export const sameRevision = (one: Revision, other: Revision): boolean => one.id === other.id || placeOf(one) === placeOf(other);
