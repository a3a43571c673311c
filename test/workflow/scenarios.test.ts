import { after, before, describe, test } from 'node:test';
import { Bench, type Stage } from './bench.js';
import { SCENARIOS } from './scenarios/index.js';
import { play } from './scenarios/play.js';
import { check } from './scenarios/scenario.js';

let bench: Bench;
let stage: Stage;
before(async () => {
  bench = await Bench.start();
  stage = await bench.stage();
});
after(async () => {
  await stage.stop();
  await bench.stop();
});

describe('every path of a rollout, on a real server', { concurrency: 8 }, () => {
  for (const scenario of SCENARIOS)
    test(`${scenario.name} ends as ${scenario.outcome}`, { timeout: 180_000 }, async () => {
      check(scenario, await play(bench, stage, scenario));
    });
});
