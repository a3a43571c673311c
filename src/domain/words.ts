/**
 * The glossary. Code, logs, metrics, the command line and the documents use these words and no synonyms.
 *
 * - **release**: what ships, with an id. **revision**: what runs. **slot**: where a revision runs behind a router (blue, green).
 * - **stable**: the old revision. **candidate**: the new one.
 * - **weight**: the share of user traffic on the candidate, in basis points (0–10,000). **step**: a weight held for a soak.
 * - **route**: what the router is told. **ramp**: one ascent from 0; a retry is a new ramp.
 * - **gate**: one criterion. **reading**: cumulative measurements per revision since a step began.
 * - **verdict**: `pass | fail | inconclusive | blind`. **evidence**: what a gate remembers between readings.
 * - **blocker**: why a rollout does not advance now. **soak**: the time a step is watched; **bake**: the soak at 100 %.
 * - **drain**: waiting until a revision's open streams have ended. **pin**: a request bound to a revision.
 * - **sticky**: users keep their revision while the weight stands or rises; `StickyBy` is what they are told apart by.
 * - **schema pins**: SCHEMA_REV, INDEX_HASH, MODEL_TAG.
 * - **lease**: how long the data plane believes the controller. **revoke**: make a ramp powerless for ever.
 * - **rollback**: weight 0 at once. **frozen**: rolled back, waits for a human.
 * - **change window**: when advancing is allowed.
 */

/** Milliseconds since the epoch, by the workflow's clock unless a name says otherwise. Never compared across clocks. */
export type Instant = number;

/** Share of user traffic in basis points: 0 is nobody, 10,000 is everybody. */
export type BasisPoints = number;

export const EVERYBODY: BasisPoints = 10_000;

/**
 * What users are told apart by (R18): the identity that their bucket is a hash of. `user`: the user's id that a header carries,
 * else as `cookie`. `cookie`: the router's own id cookie alone. `header`: a key that the caller repeats on each request, else as
 * `cookie`. Never a memory of the revision: with one, whoever changes identity would be dealt again until it is the candidate
 * and stay there, so that the candidate's share grows without bound; a hash keeps it exact and monotone (A17).
 */
export const STICKY_BY = ['user', 'cookie', 'header'] as const;
export type StickyBy = (typeof STICKY_BY)[number];

/** The three values that two sides of a call must agree on (R24). SCHEMA_REV is ordered; the others need equality (A16). */
export interface SchemaPins {
  readonly schemaRev: number;
  readonly indexHash: string;
  readonly modelTag: string;
}

/** Of a router that has two places for revisions: HAProxy's configuration and the embedded edge. */
export const SLOTS = ['blue', 'green'] as const;
export type Slot = (typeof SLOTS)[number];

export function isSlot(text: string | undefined): text is Slot {
  return text === 'blue' || text === 'green';
}

export interface Revision {
  /** Unique among the revisions of a service. Where a router has slots, the slot's name serves. */
  readonly id: string;
  readonly release: string;
  readonly slot?: string;
  readonly schemaPins?: SchemaPins;
}

/**
 * One ascent from 0. `id` is `<release>~<8 hex>` and is never reused; `epoch` is one more than the epoch stored at the
 * router when the ramp was claimed, so that two ramps are ordered; `owner` is the workflow id.
 */
export interface Ramp {
  readonly id: string;
  readonly epoch: number;
  readonly owner: string;
}

/** The service whose traffic is moved, in one environment. */
export interface Target {
  readonly service: string;
  readonly environment: string;
}

/** Who did something, and whether an identity provider vouched for the name or the sender merely claimed it. */
export interface Actor {
  readonly name: string;
  readonly verified: boolean;
}

/** Plain JSON: what may stand in a history. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
