import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Bench } from './bench.js';
import { SCENARIOS } from './scenarios.js';

let bench: Bench;
before(async () => {
  bench = await Bench.start();
});
after(async () => {
  await bench.stop();
});

for (const scenario of SCENARIOS) {
  test(`${scenario.name} ends as ${scenario.outcome}`, async () => {
    const rollout = await bench.rollout(scenario.name, scenario.script(), scenario.plan, scenario.input);
    try {
      await scenario.drive?.(rollout);
      assert.equal((await rollout.handle.result()).outcome, scenario.outcome);
    } finally {
      await rollout.stop();
    }
  });
}
