/** What users are told apart by (R18), as a person writes it. */
import { z } from 'zod';
import { STICKY_BY } from '../domain/words.js';
import { choice } from './fields.js';

const expected = `a list of ${STICKY_BY.join(', ')}, each at most once`;

export const stickyPins = () =>
  z
    .array(choice(STICKY_BY), { error: expected })
    .min(1, { error: expected })
    .refine((pins) => new Set(pins).size === pins.length, { error: expected });
