import { test, type TestContext } from 'node:test';
import { RouterPlay } from '../router-play.js';
import type { StartRouterStage } from '../router-stage.js';

/** One rule: a fresh stage, the play, and the stage's end whatever happens. */
export function rule(start: StartRouterStage, title: string, play: (play: RouterPlay, test: TestContext) => Promise<void>): void {
  void test(title, { timeout: 60_000 }, async (context) => {
    const stage = await start();
    try {
      await play(new RouterPlay(stage), context);
    } finally {
      await stage.stop();
    }
  });
}

type Optional = 'reload' | 'losingAnswers';

/** A rule about something that not every stage can arrange: left out loudly. */
export function ruleWith<Need extends Optional>(
  start: StartRouterStage,
  need: Need,
  title: string,
  play: (play: RouterPlay, arrange: NonNullable<RouterPlay['stage'][Need]>) => Promise<void>,
): void {
  rule(start, title, async (router, context) => {
    const arrange = router.stage[need];
    if (arrange === undefined) context.skip(`the stage has no ${need}`);
    else await play(router, arrange.bind(router.stage) as NonNullable<RouterPlay['stage'][Need]>);
  });
}
