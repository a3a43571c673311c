/** Where counting stands: plain JSON that travels with the evidence, so that another worker goes on where this one stopped. */
import { z } from 'zod';
import type { Cursor } from '../../domain/reading.js';
import { permanent } from '../errors.js';

const vector = z.array(z.number().nonnegative()).readonly();
const byReplica = z.record(z.string(), vector).readonly();

const measure = z
  .strictObject({
    /** Samples up to this instant are in the sums. Only where the source remembers samples by itself. */
    upTo: z.exactOptional(z.number()),
    /** Bucket bounds, fixed for the step: other bounds later are no data. */
    boundsMs: z.exactOptional(vector),
    /** Counted since the step began. */
    sums: z
      .strictObject({
        stable: z.exactOptional(byReplica),
        candidate: z.exactOptional(byReplica),
        service: z.exactOptional(byReplica),
      })
      .readonly(),
  })
  .readonly();

const process = z
  .strictObject({
    /** When it was last read, by its own clock. */
    at: z.number(),
    /** When it says that it began; the counters of another beginning are other counters. */
    startedAt: z.exactOptional(z.number()),
    /** Reads in which a counter of it fell. */
    falls: z.number(),
  })
  .readonly();

const cursor = z
  .strictObject({
    format: z.literal(1),
    /** When the step's base was taken, by the source's clock. */
    began: z.number(),
    measures: z.record(z.string(), measure).readonly(),
    /** Last value of each child, by address and a digest of its labels; empty where the source remembers samples by itself. */
    last: z.record(z.string(), vector).readonly(),
    processes: z.record(z.string(), process).readonly(),
    /** Falls of counters since the step began. */
    resets: z.number(),
    /** Why nothing of this source counts until a new step begins. */
    refused: z.exactOptional(z.string()),
  })
  .readonly();

export type CountingCursor = z.output<typeof cursor>;
export type ProcessSeen = z.output<typeof process>;
export type MeasureSums = z.output<typeof measure>;

export const cursorAt = (began: number): CountingCursor => ({
  format: 1,
  began,
  measures: {},
  last: {},
  processes: {},
  resets: 0,
});

/** Throws a permanent error for what another source, or another version, left. */
export function parseCursor(json: Cursor): CountingCursor {
  const parsed = cursor.safeParse(json);
  if (parsed.success) return parsed.data;
  throw permanent(`found a cursor that this metric source did not write (${z.prettifyError(parsed.error)}); read from 'begin'`);
}
