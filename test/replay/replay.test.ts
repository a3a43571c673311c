/** Recorded histories replayed against today's workflow code: an order that has changed fails here, before it fails a running rollout. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { before, test } from 'node:test';
import { bundleWorkflowCode, DefaultLogger, Worker, type WorkflowBundle } from '@temporalio/worker';
import { SCENARIOS } from '../workflow/scenarios/index.js';
import { check } from '../workflow/scenarios/scenario.js';
import { payloadConverterPath, workflowsPath } from '../workflow/bundle.js';
import { historyFile, recorded } from './histories.js';

const quiet = new DefaultLogger('ERROR');
const LARGEST_BYTES = 250_000;

/** One worker for all of them: starting one costs more than a replay. Keyed by scenario; absent where its runs replay. */
async function replayed(workflowBundle: WorkflowBundle, names: readonly string[]): Promise<ReadonlyMap<string, Error>> {
  const runs = names.flatMap((workflowId) => lenient(workflowId).map(({ raw }) => ({ workflowId, history: raw })));
  const results = Worker.runReplayHistories({ workflowBundle, dataConverter: { payloadConverterPath } }, runs);
  const errors = new Map<string, Error>();
  for await (const { workflowId, error } of results) if (error !== undefined) errors.set(workflowId, error);
  return errors;
}

/** What is missing is said by the scenario's own test. */
function lenient(name: string): ReturnType<typeof recorded> {
  try {
    return recorded(name);
  } catch {
    return [];
  }
}

/** Recorded by an earlier version, and never again. */
const OLDER = '../older/batch-resumed-on-a-rollback';

let errors: ReadonlyMap<string, Error>;
before(async () => {
  const bundle = await bundleWorkflowCode({ workflowsPath, payloadConverterPath, logger: quiet });
  errors = await replayed(bundle, [OLDER, ...SCENARIOS.map(({ name }) => name)]);
});

for (const scenario of SCENARIOS) {
  const { name, outcome } = scenario;
  test(`the recorded history of "${name}" replays and ended as ${outcome}`, () => {
    check(scenario, recorded(name));
    assert.equal(errors.get(name), undefined);
    const { length } = readFileSync(historyFile(name));
    assert.ok(length <= LARGEST_BYTES, `${length} bytes: shorten the scenario`);
  });
}

test('a rollout that began before the release record goes on with what it told then: batch, and nothing else', () => {
  assert.equal(recorded(OLDER).length, 1);
  assert.equal(errors.get(OLDER), undefined);
});

test('every recorded history belongs to a scenario', () => {
  const files = readdirSync(new URL('.', historyFile('any')));
  assert.deepEqual(
    files.filter((file) => !SCENARIOS.some(({ name }) => file === `${name}.json`)),
    [],
  );
});

test('a history that is missing, empty, cut short or of another end is an error', () => {
  const scenario = SCENARIOS.find(({ name }) => name === 'promoted');
  assert.ok(scenario);
  const chain = recorded('promoted');
  check(scenario, chain);
  assert.throws(() => recorded('nobody-recorded-this'), /ENOENT/);
  assert.throws(() => {
    check(scenario, []);
  }, /without events/);
  assert.throws(() => {
    check(scenario, [{ ...chain[0]!, events: [] }]);
  }, /without events/);
  assert.throws(() => {
    check(scenario, [{ ...chain[0]!, events: chain[0]!.events.slice(0, -1) }]);
  }, /WORKFLOW_EXECUTION_COMPLETED/);
  assert.throws(() => {
    check({ ...scenario, outcome: 'rolled-back' }, chain);
  }, /rolled-back/);
});

interface Reordering {
  readonly what: string;
  readonly file: string;
  /** Each place and what stands there instead. */
  readonly changes: readonly (readonly [string, string])[];
  /** Scenarios whose histories have both activities. */
  readonly seenBy: readonly string[];
}

const REVOKE = 'await revokeAtOnce(where, effect);';
const ROLL_BACK = 'options.route.rollBack.executeWithOptions(summary, [{ where, intent: effect.intent }])';
const REORDERINGS: readonly Reordering[] = [
  {
    what: 'the rollback before the revocation',
    file: 'src/workflows/effects.ts',
    changes: [[`${REVOKE}\n      return ${ROLL_BACK};`, `return ${ROLL_BACK}.finally(() => revokeAtOnce(where, effect));`]],
    seenBy: ['abort-while-soaking', 'gate-fails-once-at-25-then-promoted'],
  },
  {
    what: 'the probes before the warm-up',
    file: 'src/workflows/effects.ts',
    changes: [
      ["case 'warm-up':", 'case WARM_UP:'],
      ["case 'probe':", "case 'warm-up':"],
      ['case WARM_UP:', "case 'probe':"],
    ],
    seenBy: ['promoted', 'never-warm'],
  },
];

for (const { what, file, changes, seenBy } of REORDERINGS) {
  test(`two activities in another order make the replay fail: ${what}`, async () => {
    const copy = mkdtempSync(join(tmpdir(), 'sluice-replay-'));
    try {
      cpSync(fileURLToPath(new URL('../../src', import.meta.url)), join(copy, 'src'), { recursive: true });
      cpSync(fileURLToPath(new URL('../../package.json', import.meta.url)), join(copy, 'package.json'));
      symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(copy, 'node_modules'));
      const changed = join(copy, file);
      let source = readFileSync(changed, 'utf8');
      for (const [place, instead] of changes) {
        assert.equal(source.split(place).length, 2, `"${place}" stands once in ${file}`);
        source = source.replace(place, () => instead);
      }
      writeFileSync(changed, source);
      const mutant = await bundleWorkflowCode({
        workflowsPath: join(copy, 'src/workflows/index.ts'),
        payloadConverterPath,
        logger: quiet,
      });
      const found = await replayed(mutant, [...seenBy, 'refused-by-preflight']);
      for (const name of seenBy) assert.match(String(found.get(name)), /[Nn]ondeterminism|determinism/, name);
      assert.equal(found.get('refused-by-preflight'), undefined, 'a history without either still replays');
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });
}
