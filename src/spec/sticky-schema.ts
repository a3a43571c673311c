/** What users are told apart by (R18), as a person writes it. */
import { z } from 'zod';
import { STICKY_BY } from '../domain/words.js';
import { choice } from './fields.js';

const expected = `a list of ${STICKY_BY.join(', ')}, each at most once`;

export const stickyPins = () =>
  z
    .array(choice(STICKY_BY), { error: expected })
    .min(1, { error: expected })
    .superRefine((pins, context) => {
      for (const [index, pin] of pins.entries())
        if (pins.indexOf(pin) < index)
          context.addIssue({ code: 'custom', path: [index], message: `each pin once: ${pin} is named before`, input: pin });
    });
