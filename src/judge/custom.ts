import { isRecord } from './samples.js';
import { differenceGate } from './errors.js';

/** A gate of the user's own (`custom:<name>`): the share of bad among all, candidate against stable, judged like the errors. */
export const customGate = (name: string): ReturnType<typeof differenceGate> =>
  differenceGate(name, (reading) => (isRecord(reading.custom) ? reading.custom[name] : undefined));
