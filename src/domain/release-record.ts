/**
 * The release policy record: what the controller tells the guards inside the services, and the only thing that the two share.
 * One record a service and environment, whole state, ordered by (epoch, sequence). Whoever reads it may be of another version:
 * fields that are not known are ignored, a version that is not known is refused.
 */
import type { Instant, Ramp, Revision, SchemaPins } from './words.js';

/**
 * - `climbing`: a ramp is open, from the opening until the candidate is stable.
 * - `held`: rolled back, and another ramp may follow by itself or by a human: cool-off, schema hold.
 * - `frozen`: rolled back, waits for a human.
 * - `promoted`, `rolled-back`: over.
 */
export const RELEASE_PHASES = ['climbing', 'held', 'frozen', 'promoted', 'rolled-back'] as const;
export type ReleasePhase = (typeof RELEASE_PHASES)[number];

/** What is said of a release; the store adds its clock. */
export interface ReleasePolicy {
  readonly releaseId: string;
  readonly phase: ReleasePhase;
  /**
   * Who may be given requests, each with the schema pins that it serves. A revision that was rolled back is not among them, so
   * that pins to it are void; after a promotion the new revision is stable.
   */
  readonly revisions: { readonly stable: Revision; readonly candidate?: Revision };
  /** Heavy batch work waits; what users see goes on (R29, A18). */
  readonly batchPaused: boolean;
  /** Most jobs that run at once in one queue partition (R30). Absent: no cap. */
  readonly capPerPartition?: number;
  /** Ids of ramps of this rollout that are powerless for ever: pins that name them are ignored. */
  readonly revoked: readonly string[];
  readonly ramp: Ramp;
  /** Grows with everything that the rollout says; later ramps have a higher epoch. */
  readonly sequence: number;
}

/** As the controller hands it to a store, whose clock alone counts. */
export interface ReleaseDirective extends ReleasePolicy {
  /** How long keys live that are written from now on, in milliseconds (R20, A13): docs/adr/0004-release-record.md. */
  readonly keepKeysForMs: number;
}

export interface ReleaseRecord extends ReleasePolicy {
  /** By the store's clock. */
  readonly updatedAt: Instant;
  /** By the store's clock. Keys that are written while the record stands live for `keepKeysUntil − updatedAt`. */
  readonly keepKeysUntil: Instant;
}

/** By epoch, then sequence: what was said earlier never takes the place of what was said later. */
export function isBefore(
  one: Pick<ReleasePolicy, 'ramp' | 'sequence'>,
  other: Pick<ReleasePolicy, 'ramp' | 'sequence'>,
): boolean {
  const epochs = one.ramp.epoch - other.ramp.epoch;
  return epochs < 0 || (epochs === 0 && one.sequence < other.sequence);
}

export type ParsedReleaseRecord =
  { readonly kind: 'record'; readonly record: ReleaseRecord } | { readonly kind: 'problem'; readonly problem: string };

const VERSION = 1;

/** JSON without the two times, which the store adds: `updatedAt` and `keepKeysUntil`. */
export function encodeReleasePolicy(policy: ReleasePolicy): string {
  const { releaseId, phase, revisions, batchPaused, capPerPartition, revoked, ramp, sequence } = policy;
  return JSON.stringify({ v: VERSION, releaseId, phase, revisions, batchPaused, capPerPartition, revoked, ramp, sequence });
}

export function encodeReleaseRecord({ updatedAt, keepKeysUntil, ...policy }: ReleaseRecord): string {
  return `${encodeReleasePolicy(policy).slice(0, -1)},"updatedAt":${String(updatedAt)},"keepKeysUntil":${String(keepKeysUntil)}}`;
}

/** Total: whatever stands in the store is a record or a problem in words. */
export function parseReleaseRecord(text: string): ParsedReleaseRecord {
  try {
    return { kind: 'record', record: recordFrom(object(JSON.parse(text), 'the record')) };
  } catch (error) {
    if (error instanceof Problem) return { kind: 'problem', problem: error.message };
    return { kind: 'problem', problem: 'the release record is no JSON' };
  }
}

class Problem extends Error {}

type Fields = Readonly<Record<string, unknown>>;

function recordFrom(fields: Fields): ReleaseRecord {
  if (fields['v'] !== VERSION)
    throw new Problem(
      `the release record has version ${shown(fields['v'])}, this guard knows ${String(VERSION)}: upgrade whichever is older`,
    );
  const revisions = object(fields['revisions'], 'revisions');
  const { candidate } = revisions;
  const { batchPaused, capPerPartition, revoked } = fields;
  return {
    releaseId: string(fields, 'releaseId'),
    phase: phaseFrom(fields['phase']),
    revisions: {
      stable: revisionFrom(revisions['stable'], 'revisions.stable'),
      ...(candidate === undefined ? {} : { candidate: revisionFrom(candidate, 'revisions.candidate') }),
    },
    batchPaused: typeof batchPaused === 'boolean' ? batchPaused : wrong('batchPaused', batchPaused),
    ...(capPerPartition === undefined ? {} : { capPerPartition: whole(fields, 'capPerPartition') }),
    revoked: Array.isArray(revoked) && revoked.every(isText) ? revoked : wrong('revoked', revoked),
    ramp: rampFrom(object(fields['ramp'], 'ramp')),
    sequence: whole(fields, 'sequence'),
    updatedAt: whole(fields, 'updatedAt'),
    keepKeysUntil: whole(fields, 'keepKeysUntil'),
  };
}

function phaseFrom(value: unknown): ReleasePhase {
  return RELEASE_PHASES.find((phase) => phase === value) ?? wrong('phase', value);
}

function revisionFrom(value: unknown, name: string): Revision {
  const fields = object(value, name);
  const { slot, schemaPins } = fields;
  return {
    id: string(fields, 'id'),
    release: string(fields, 'release'),
    ...(slot === undefined ? {} : { slot: string(fields, 'slot') }),
    ...(schemaPins === undefined ? {} : { schemaPins: pinsFrom(object(schemaPins, `${name}.schemaPins`)) }),
  };
}

function pinsFrom(fields: Fields): SchemaPins {
  return { schemaRev: whole(fields, 'schemaRev'), indexHash: string(fields, 'indexHash'), modelTag: string(fields, 'modelTag') };
}

function rampFrom(fields: Fields): Ramp {
  return { id: string(fields, 'id'), epoch: whole(fields, 'epoch'), owner: string(fields, 'owner') };
}

const isText = (value: unknown): value is string => typeof value === 'string';

function object(value: unknown, name: string): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : wrong(name, value);
}

function string(fields: Fields, name: string): string {
  const value = fields[name];
  return isText(value) ? value : wrong(name, value);
}

function whole(fields: Fields, name: string): number {
  const value = fields[name];
  return Number.isSafeInteger(value) ? (value as number) : wrong(name, value);
}

function wrong(name: string, value: unknown): never {
  throw new Problem(`the release record has ${name} ${shown(value)}`);
}

const shown = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80));
