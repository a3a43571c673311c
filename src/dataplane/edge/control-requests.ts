/** What the control endpoint takes, checked once. */
import { z } from 'zod';
import { EVERYBODY, SLOTS, STICKY_BY } from '../../domain/words.js';

/** Words as the controller spelt them: they go into headers and the log as they are. */
const word = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[\x21-\x7e]*$/, 'visible ASCII');
const rampId = z.string().regex(/^[A-Za-z0-9_-]{1,400}~[A-Za-z0-9]{1,32}$/, '<release>~<suffix> of letters, digits, _ and -');
const revision = z.strictObject({ slot: z.enum(SLOTS), release: word(128) });
const leaseUntil = z.number().positive();

const route = {
  service: z.string(),
  stable: revision,
  candidate: revision,
  candidateBp: z.int().min(0).max(EVERYBODY),
  sticky: z.boolean(),
  stickyBy: z.enum(STICKY_BY).optional(),
  ramp: z.strictObject({ id: rampId, epoch: z.int().min(1), owner: word(512).min(1) }),
  sequence: z.int().min(1).max(999_999_999),
};
const twoSlots = { error: 'stable and candidate are in one slot', path: ['candidate', 'slot'] };
const isInTwoSlots = (write: { stable: { slot: string }; candidate: { slot: string } }): boolean =>
  write.stable.slot !== write.candidate.slot;

/** `leaseUntil` is by the edge's clock, in milliseconds since the epoch. A write without it leaves the lease: the rollback's. */
export const APPLY = z.strictObject({ ...route, leaseUntil: leaseUntil.optional() }).refine(isInTwoSlots, twoSlots);
export const FINALISE = z.strictObject(route).refine(isInTwoSlots, twoSlots);
export const REVOKE = z.strictObject({ service: z.string(), ramp: rampId });
export const RENEW = z.strictObject({ service: z.string(), ramp: rampId, leaseUntil });
