/**
 * What commands get and print, version 1. Every input is one JSON document with
 *
 *     {"protocol": 1, "operation": "apply", "target": {"service", "environment"}, "notAfter": 1700000000000, …}
 *
 * `notAfter`, in milliseconds since the epoch by this machine's clock, is when the command is killed. A command that hands its
 * work to somebody else must see to it that nothing takes effect later. What the operations get besides, and print:
 *
 * | operation | gets                                        | prints                                                          |
 * |-----------|---------------------------------------------|-----------------------------------------------------------------|
 * | read      | `ramp`: an id to be told about, or null      | `READ` below                                                    |
 * | apply     | `intent`, `leaseMs`, `found`, `admission`    | `{"kind": "applied" | "superseded" | "revoked"}`                |
 * | revoke    | `ramp`                                       | `{"kind": "revoked"}`                                           |
 * | finalise  | `intent`, `found`                            | `{"kind": "applied" | "superseded" | "revoked"}`                |
 * | confirm   | `receipt`                                    | `{"state": "pending" | "converged" | "superseded" | "failed"}`  |
 * | renew     | `ramp`, `leaseMs`                            | `{"renewal": "renewed" | "lapsed" | "revoked"}`                 |
 * | inflight  | `revision`                                   | `{"active": 3 | null, "liveServers": 2 | null, "at": …}`        |
 *
 * The adapter has read and decided before it asks for a write: `found` is the ramp's id and sequence that it saw, for platforms that
 * can compare and set. What must be kept is the whole intent (stable, candidate, weight, ramp with epoch and owner, sequence), and
 * which ramps were revoked or finalised, for ever. `admission: "settle"` is a rollback's last word: weight 0 and the stable
 * revision that it names, on a ramp that is revoked already and stays so.
 */
import { z } from 'zod';
import type { RouteIntent, RouterCapabilities, RouteState } from '../../../domain/route.js';
import { EVERYBODY, STICKY_BY, type Ramp, type Revision, type StickyBy } from '../../../domain/words.js';
import { permanent } from '../../errors.js';
import type { Standing } from '../admission.js';
import type { Found } from '../read-back.js';

const revision = z.object({ id: z.string().min(1), release: z.string(), slot: z.string().optional() });
const ramp = z.object({ id: z.string().min(1), epoch: z.int().min(1), owner: z.string() });
const basisPoints = z.int().min(0).max(EVERYBODY);

const READ = z.object({
  /** Null where the router was never told. */
  stable: revision.nullable(),
  candidate: revision.nullable(),
  /** The weight as written. */
  candidateBp: basisPoints,
  /** What users really get; unless told, `candidateBp` while the lease is live. */
  effectiveBp: basisPoints.optional(),
  sticky: z.boolean().optional(),
  /** What users are told apart by, where that is not their id. */
  stickyBy: z.enum(STICKY_BY).optional(),
  ramp: ramp.nullable(),
  sequence: z.int().min(0),
  /** Of `ramp`. May be left out where the platform has no leases: then live while there is a ramp that is not revoked. */
  lease: z.enum(['live', 'lapsed', 'revoked', 'none']).optional(),
  /** The highest epoch stored; the ramp's unless told. */
  epoch: z.int().min(0).optional(),
  /** The router's clock; this machine's unless told. */
  at: z.number().optional(),
  /** What is stored of the ramp in the input: null for nothing. `finalisedAt` is the sequence of its finalise. */
  asked: z
    .object({
      revoked: z.boolean(),
      epoch: z.int().min(1).optional(),
      owner: z.string().optional(),
      finalisedAt: z.int().min(1).optional(),
    })
    .nullish(),
});

export const WRITTEN = z.object({ kind: z.enum(['applied', 'superseded', 'revoked']) });
export const REVOKED = z.object({ kind: z.literal('revoked') });
export const CONFIRMED = z.object({ state: z.enum(['pending', 'converged', 'superseded', 'failed']) });
export const RENEWED = z.object({ renewal: z.enum(['renewed', 'lapsed', 'revoked']) });
export const COUNTED = z.object({
  active: z.int().min(0).nullish(),
  liveServers: z.int().min(0).nullish(),
  at: z.number().optional(),
});

/** An answer that is not what it must be is a fault of the command, and trying again does not mend it. */
export function check<Schema extends z.ZodType>(schema: Schema, output: unknown, what: string): z.infer<Schema> {
  const parsed = schema.safeParse(output);
  if (parsed.success) return parsed.data;
  throw permanent(
    `${what}: the command printed something else than the protocol asks for (${z.prettifyError(parsed.error).replaceAll('\n', ' ').slice(0, 300)})`,
  );
}

export interface ReadAnswer extends Found {
  readonly sticky: boolean | undefined;
  readonly stickyBy: StickyBy | undefined;
}

/** @param rampId the ramp that was asked about */
export function interpretRead(
  output: unknown,
  rampId: string | undefined,
  capabilities: RouterCapabilities,
  now: number,
  what: string,
): ReadAnswer {
  const read = check(READ, output, what);
  const { asked } = read;
  if (rampId !== undefined && asked === undefined)
    throw permanent(`${what}: "asked" is missing: expected what is stored of ramp "${rampId}", or null`);
  if (capabilities.lease && read.lease === undefined)
    throw permanent(`${what}: "lease" is missing, and the connection says that the router has leases`);
  const lease =
    read.lease ?? (read.ramp === null ? 'none' : asked?.revoked === true && read.ramp.id === rampId ? 'revoked' : 'live');
  const route: RouteState = {
    stable: read.stable === null ? undefined : plain(read.stable),
    candidate: read.candidate === null ? undefined : plain(read.candidate),
    candidateBp: read.candidateBp,
    effectiveBp: read.effectiveBp ?? (lease === 'live' && read.candidate?.id !== read.stable?.id ? read.candidateBp : 0),
    ramp: read.ramp ?? undefined,
    sequence: read.sequence,
    lease,
    epoch: read.epoch ?? read.ramp?.epoch ?? 0,
    at: read.at ?? now,
  };
  return {
    route,
    sticky: read.sticky,
    stickyBy: read.stickyBy,
    revoked: asked?.revoked ?? false,
    claimed: claimOf(rampId, asked),
    finalisedAt: asked?.finalisedAt,
  };
}

export function standing(read: ReadAnswer, intent: RouteIntent): Standing {
  const { route, sticky, stickyBy } = read;
  const wanted = intent.stickyBy ?? 'user';
  const same =
    route.stable?.id === intent.stable.id &&
    route.candidate?.id === intent.candidate.id &&
    route.candidateBp === intent.candidateBp &&
    (sticky ?? intent.sticky) === intent.sticky &&
    (stickyBy ?? wanted) === wanted;
  return { ...read, same, isSame: (one, other) => one.id === other.id };
}

function claimOf(id: string | undefined, asked: z.infer<typeof READ>['asked']): Ramp | undefined {
  return id === undefined || asked?.epoch === undefined || asked.owner === undefined
    ? undefined
    : { id, epoch: asked.epoch, owner: asked.owner };
}

function plain({ id, release, slot }: z.infer<typeof revision>): Revision {
  return { id, release, ...(slot === undefined ? {} : { slot }) };
}
