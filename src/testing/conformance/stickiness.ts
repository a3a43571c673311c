import assert from 'node:assert/strict';
import type { StickyBy } from '../../domain/words.js';
import { ramp, type RouterPlay } from '../router-play.js';
import type { Identity, StartRouterStage } from '../router-stage.js';
import { rule } from './rule.js';

const CALLERS = 200;

/** As the router gives them. */
const uuid = (number: number): string => `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;

/** What each pin goes by, beside what must not matter to it. */
const OTHERS: Readonly<Record<Exclude<StickyBy, 'user'>, readonly (keyof Identity)[]>> = {
  cookie: ['user', 'key'],
  header: ['user', 'cookie'],
};

export function stickinessRules(start: StartRouterStage): void {
  for (const [by, what] of [
    ['cookie', 'users are told apart by the cookie alone where the route says so, whatever else their requests say (R18)'],
    [
      'header',
      'users are told apart by the key that they repeat where the route says so, whatever else their requests say (R18)',
    ],
  ] as const) {
    rule(start, what, async (play) => {
      const { stickyBy = [] } = await play.router.describe(play.stage.target);
      // A router that tells users apart by their id alone promises nothing here.
      if (!stickyBy.includes(by)) return;
      const askAs = play.stage.askAs?.bind(play.stage);
      assert.ok(askAs, `the router tells users apart by ${by}, so the stage must ask as users of its own`);
      const first = ramp(`by-${by}`, 1);
      let before = new Set<number>();
      for (const [index, weight] of [500, 2_500, 5_000].entries()) {
        const receipt = await play.apply(play.intent(first, index + 1, weight, { stickyBy: by }));
        await play.converged(receipt);
        const now = await onCandidate(play, askAs, by, index);
        assert.ok(
          [...before].every((caller) => now.has(caller)),
          `somebody left the candidate at ${String(weight)}`,
        );
        const expected = (CALLERS * weight) / 10_000;
        assert.ok(
          Math.abs(now.size - expected) <= 5 * Math.sqrt(expected),
          `${String(now.size)} of ${String(CALLERS)} at ${String(weight)}`,
        );
        before = now;
      }
    });
  }
}

/** Every caller keeps what the pin goes by, and has everything else anew in every round. */
async function onCandidate(
  { stage }: RouterPlay,
  askAs: NonNullable<RouterPlay['stage']['askAs']>,
  by: Exclude<StickyBy, 'user'>,
  round: number,
): Promise<Set<number>> {
  const callers = Array.from({ length: CALLERS }, (_, number): Identity => {
    const steady: Identity = by === 'cookie' ? { cookie: uuid(number) } : { key: `key-${String(number)}` };
    const others = OTHERS[by].map((field) => [
      field,
      field === 'cookie' ? uuid((round + 1) * CALLERS + number) : `${String(round)}-${String(number)}`,
    ]);
    return { ...(Object.fromEntries(others) as Identity), ...steady };
  });
  const answers = await askAs(callers);
  return new Set(callers.flatMap((_, number) => (answers[number] === stage.candidate.id ? [number] : [])));
}
