import type { ChangeWindow } from '../domain/plan.js';
import { z } from 'zod';
import { section, text } from './fields.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const DAY_MINUTES = 24 * 60;
const WEEK_MINUTES = 7 * DAY_MINUTES;

const dayName = `(?:${DAYS.join('|')})`;
const days = () => text(new RegExp(`^${dayName}(?:-${dayName})?$`), 'a day or a range of days, such as mon or mon-fri');
const dayList = 'a day, a range of days or a list of them, such as mon-fri';
const time = (pattern: RegExp, expected: string) => text(pattern, expected);

export const changeWindowSchema = section({
  days: z
    .union([days(), z.array(days(), { error: dayList }).min(1, { error: dayList })], { error: dayList })
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .describe('Days on which the window opens.'),
  from: time(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day in UTC from 00:00 to 23:59').describe('When it opens, UTC.'),
  to: time(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a time of day in UTC from 00:00 to 24:00').describe(
    'When it closes, UTC; on the next day where it is not after from.',
  ),
});

type ChangeWindowSettings = z.output<typeof changeWindowSchema>;

/** One window a day, in minutes of the week. A window that is open over the end of the week wraps, as the domain allows. */
export function toChangeWindows(windows: readonly ChangeWindowSettings[]): readonly ChangeWindow[] {
  return windows
    .flatMap(({ days: written, from, to }) => {
      const open = minutesOf(from);
      const length = ((minutesOf(to) - open + DAY_MINUTES - 1) % DAY_MINUTES) + 1;
      return daysIn(written).map((day) => {
        const fromMinute = day * DAY_MINUTES + open;
        const toMinute = fromMinute + length;
        return { fromMinute, toMinute: toMinute > WEEK_MINUTES ? toMinute - WEEK_MINUTES : toMinute };
      });
    })
    .toSorted((a, b) => a.fromMinute - b.fromMinute);
}

/** Indexes from Monday, each once. A range may run over the end of the week: `sat-mon`. */
function daysIn(written: readonly string[]): readonly number[] {
  const indexes = written.flatMap((range) => {
    const [first = '', last = first] = range.split('-');
    const from = DAYS.indexOf(first as (typeof DAYS)[number]);
    const span = (DAYS.indexOf(last as (typeof DAYS)[number]) - from + 7) % 7;
    return Array.from({ length: span + 1 }, (_, offset) => (from + offset) % 7);
  });
  return [...new Set(indexes)];
}

function minutesOf(timeOfDay: string): number {
  return Number(timeOfDay.slice(0, 2)) * 60 + Number(timeOfDay.slice(3));
}
