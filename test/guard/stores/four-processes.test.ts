/** Two hundred keys, each wanted by twenty callers at once, spread over four processes: two hundred effects. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Guard } from '../../../src/guard/guard.js';
import { MemoryStore } from '../../../src/guard/stores/memory.js';
import { typescriptProgram } from '../../harness/node-program.js';
import { Postgres, withoutPostgres } from '../../harness/postgres.js';
import { startProcess } from '../../harness/processes.js';
import { Redis, withoutRedis } from '../../harness/redis.js';
import { until } from '../../harness/until.js';
import { outcome, spec } from '../support.js';

const KEYS = 200;
const CALLERS = 20;
const PROCESSES = 4;
/** The processes begin each wave together, so that none has taken all keys before another is awake. */
const WAVES = 5;

interface Said {
  readonly effects: Readonly<Record<string, number>>;
  readonly answers: Readonly<Record<string, readonly string[]>>;
}

async function fromFourProcesses(kind: string, url: string): Promise<Said[]> {
  const program = new URL('../claimant-main.ts', import.meta.url);
  const perWave = KEYS / WAVES;
  const claimants = await Promise.all(
    Array.from({ length: PROCESSES }, (_, index) => {
      const numbers = [WAVES, perWave, CALLERS / PROCESSES, (index * perWave) / PROCESSES].map(String);
      const words = typescriptProgram(program, [kind, url, ...numbers]);
      return startProcess({ name: `claimant ${String(index)}`, file: process.execPath, arguments: words });
    }),
  );
  for (let wave = 0; wave < WAVES; wave++) {
    const areReady = (): boolean => claimants.every(({ stdout }) => stdout.split('ready').length > wave + 1);
    await until(areReady, { withinMs: 60_000, what: `the start of wave ${String(wave)}` });
    for (const claimant of claimants) claimant.signal('SIGUSR2');
  }
  const ends = await Promise.all(claimants.map((claimant) => claimant.waitForExit({ withinMs: 90_000 })));
  return ends.map(({ code, stdout, stderr }) => {
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout.replaceAll('ready\n', '')) as Said;
  });
}

function assertOneEffectEach(said: readonly Said[]): void {
  const effects = said.flatMap(({ effects: each }) => Object.entries(each));
  assert.equal(effects.length, KEYS);
  assert.equal(new Set(effects.map(([key]) => key)).size, KEYS);
  assert.ok(effects.every(([, times]) => times === 1));
  for (const [key] of effects) {
    const answers = said.flatMap(({ answers: each }) => each[key] ?? []);
    assert.equal(answers.length, CALLERS);
    assert.equal(new Set(answers).size, 1, `the callers of ${key} got different answers`);
  }
  const busy = said.filter(({ effects: each }) => Object.keys(each).length > 0);
  assert.ok(busy.length > 1, 'one process did everything, so nothing was contended');
}

test(
  'postgres: exactly one effect a key, and one answer for all its callers',
  { skip: withoutPostgres, timeout: 180_000 },
  async () => {
    const postgres = await Postgres.start();
    try {
      assertOneEffectEach(await fromFourProcesses('postgres', postgres.url));
    } finally {
      await postgres.stop();
    }
  },
);

test(
  'redis: exactly one effect a key, and one answer for all its callers',
  { skip: withoutRedis, timeout: 180_000 },
  async () => {
    const redis = await Redis.start();
    try {
      assertOneEffectEach(await fromFourProcesses('redis', redis.url));
    } finally {
      await redis.stop();
    }
  },
);

test('memory, which knows one process only: exactly one effect a key', async () => {
  const guard = new Guard({ store: new MemoryStore(), revision: 'green' });
  const effects = new Map<string, number>();
  const names = Array.from({ length: KEYS }, (_, index) => `k-${String(index)}`);
  await Promise.all(
    names.flatMap((key) =>
      Array.from({ length: CALLERS }, () =>
        guard.run(spec({ scope: { ...spec().scope, key } }), () => {
          effects.set(key, (effects.get(key) ?? 0) + 1);
          return outcome();
        }),
      ),
    ),
  );
  assert.equal(effects.size, KEYS);
  assert.ok([...effects.values()].every((times) => times === 1));
});
