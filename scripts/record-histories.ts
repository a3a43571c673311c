/** `npm run histories:record [name …]`: runs the scenarios on a real server and keeps their histories for the replay tests. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Bench } from '../test/workflow/bench.js';
import { historyFile } from '../test/replay/histories.js';
import { SCENARIOS } from '../test/workflow/scenarios/index.js';
import { play } from '../test/workflow/scenarios/play.js';
import { check, type Scenario } from '../test/workflow/scenarios/scenario.js';

const AT_ONCE = 8;

const asked = process.argv.slice(2);
const waiting = SCENARIOS.filter(({ name }) => asked.length === 0 || asked.includes(name));
const unknown = asked.filter((name) => !waiting.some((scenario) => scenario.name === name));
if (unknown.length > 0)
  throw new Error(`no scenario ${unknown.join(', ')}; known: ${SCENARIOS.map(({ name }) => name).join(', ')}`);

const bench = await Bench.start();
const stage = await bench.stage();

async function record(scenario: Scenario): Promise<void> {
  check(scenario, await play(bench, stage, scenario));
  const chain = await bench.server.showChain(`rollout/test/${scenario.name}`);
  check(scenario, chain);
  mkdirSync(new URL('.', historyFile(scenario.name)), { recursive: true });
  const text = `${JSON.stringify(chain.map(({ raw }) => raw))}\n`;
  writeFileSync(historyFile(scenario.name), text);
  const events = chain.map((run) => run.events.length).join(' + ');
  console.log(`${scenario.name}: ${events} events, ${Math.ceil(text.length / 1024)} KB, ${scenario.outcome}`);
}

async function recordOneAfterAnother(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { name } = next;
    await record(next).catch((error: unknown) => {
      process.exitCode = 1;
      console.error(`NOT RECORDED: ${name}: ${String(error)}`);
    });
  }
}

try {
  await Promise.all(Array.from({ length: AT_ONCE }, recordOneAfterAnother));
} finally {
  await stage.stop();
  await bench.stop();
}
