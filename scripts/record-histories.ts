/** `npm run histories:record [name …]`: runs the scenarios on a real server and keeps their histories for the replay tests. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Bench } from '../test/workflow/bench.js';
import { historyFile } from '../test/replay/histories.js';
import { SCENARIOS } from '../test/workflow/scenarios.js';

const asked = process.argv.slice(2);
const bench = await Bench.start();
try {
  for (const scenario of SCENARIOS.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
    const rollout = await bench.rollout(scenario.name, scenario.script(), scenario.plan, scenario.input);
    await scenario.drive?.(rollout);
    const { outcome } = await rollout.handle.result();
    if (outcome !== scenario.outcome) throw new Error(`${scenario.name} ended as ${outcome}, expected ${scenario.outcome}`);
    const chain = await bench.server.showChain(rollout.handle.workflowId);
    mkdirSync(new URL('.', historyFile(scenario.name)), { recursive: true });
    writeFileSync(historyFile(scenario.name), `${JSON.stringify(chain.map(({ raw }) => raw))}\n`);
    console.log(`${scenario.name}: ${chain.map(({ events }) => events.length).join(' + ')} events, ${outcome}`);
    await rollout.stop();
  }
} finally {
  await bench.stop();
}
