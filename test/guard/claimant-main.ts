/**
 * One of several processes that want the same effects: `claimant-main <postgres|redis> <url> <waves> <keys> <callers> <first>`.
 * At each SIGUSR2 it goes through the keys of the next wave, beginning with key number `first`, and says "ready" when it is
 * through. In the end it prints how often it ran the effect of each key and which answers its callers got.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Guard } from '../../src/guard/guard.js';
import { openTestStore } from './open-test-store.js';
import { outcome, spec, textOf } from './support.js';

const [kind = '', url = '', ...numbers] = process.argv.slice(2);
const [waves = 0, keys = 0, callers = 0, first = 0] = numbers.map(Number);
const { store, close } = await openTestStore(kind, url);
const guard = new Guard({ store, revision: String(process.pid), storeTimeoutMs: 20_000 });

const effects: Record<string, number> = {};
const answers: Record<string, string[]> = {};

async function call(key: string): Promise<void> {
  for (;;) {
    const result = await guard.run(spec({ scope: { ...spec().scope, key } }), async () => {
      effects[key] = (effects[key] ?? 0) + 1;
      await pause(1);
      return outcome(201, `${key} by ${String(process.pid)}`);
    });
    if (result.kind === 'refused') {
      if (result.refusal.kind !== 'outstanding') throw new Error(result.refusal.kind);
      await pause(5);
      continue;
    }
    const { body } = result.kind === 'replayed' ? result.record : result.outcome;
    (answers[key] ??= []).push(textOf(body));
    return;
  }
}

const waiting = setInterval(() => undefined, 1_000);
let wave = 0;

async function nextWave(): Promise<void> {
  const names = Array.from({ length: keys }, (_, index) => `k-${String(wave)}-${String((first + index) % keys)}`);
  wave++;
  await Promise.all(names.flatMap((name) => Array.from({ length: callers }, () => call(name))));
  console.log('ready');
  if (wave < waves) return;
  console.log(JSON.stringify({ effects, answers }));
  clearInterval(waiting);
  await close();
}

process.on('SIGUSR2', () => void nextWave());
console.log('ready');
