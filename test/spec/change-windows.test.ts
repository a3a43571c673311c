import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeWindow } from '../../src/domain/plan.js';
import { opensAt } from '../../src/domain/change-window.js';
import { FIVE_LINES, messages, planOf } from './fixtures.js';

const windows = (yaml: string): readonly ChangeWindow[] => planOf(`${FIVE_LINES}changeWindows: ${yaml}\n`).changeWindows;
const DAY = 1_440;

test('a window opens on each of its days', () => {
  assert.deepEqual(
    windows('[{days: mon-wed, from: 09:00, to: 17:00}]'),
    [0, 1, 2].map((day) => ({ fromMinute: day * DAY + 540, toMinute: day * DAY + 1_020 })),
  );
  assert.deepEqual(windows('[{days: [fri, mon, mon], from: 00:00, to: "24:00"}]'), [
    { fromMinute: 0, toMinute: DAY },
    { fromMinute: 4 * DAY, toMinute: 5 * DAY },
  ]);
});

test('a window over midnight closes on the next day, also from Sunday to Monday', () => {
  assert.deepEqual(windows('[{days: [tue, sun], from: "22:00", to: 02:00}]'), [
    { fromMinute: DAY + 1_320, toMinute: 2 * DAY + 120 },
    { fromMinute: 6 * DAY + 1_320, toMinute: 120 },
  ]);
});

test('days may run over the end of the week', () => {
  assert.deepEqual(
    windows('[{days: sun-mon, from: 10:00, to: 11:00}]').map(({ fromMinute }) => Math.floor(fromMinute / DAY)),
    [0, 6],
  );
});

test('the domain finds the windows open exactly when a person would', () => {
  const weekend = windows('[{days: fri-sun, from: "20:00", to: 04:00}]');
  const at = (iso: string): boolean => opensAt(weekend, Date.parse(iso)) === undefined;
  // 2026-11-27 is a Friday.
  assert.deepEqual(
    [
      '2026-11-27T19:59Z',
      '2026-11-27T20:00Z',
      '2026-11-28T03:59Z',
      '2026-11-28T04:00Z',
      '2026-11-30T03:59Z',
      '2026-11-30T04:00Z',
    ].map(at),
    [false, true, true, false, true, false],
  );
});

test('days and times that do not exist are refused', () => {
  assert.deepEqual(messages(`${FIVE_LINES}changeWindows: [{days: mon-fry, from: 9:00, to: "24:01"}]\n`), [
    'rollout.yaml:6:24 changeWindows[0].days: found "mon-fry", expected a day or a range of days, such as mon or mon-fri',
    'rollout.yaml:6:39 changeWindows[0].from: found "9:00", expected a time of day in UTC from 00:00 to 23:59',
    'rollout.yaml:6:49 changeWindows[0].to: found "24:01", expected a time of day in UTC from 00:00 to 24:00',
  ]);
});
