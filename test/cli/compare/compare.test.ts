/** What `sluice compare` refuses before it asks anybody, and how it judges what it was told. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { compare } from '../../../src/cli/compare/comparison.js';
import { pairOf, parseLabelSet } from '../../../src/cli/compare/label-sets.js';
import { runCommandLine } from '../../../src/cli/program.js';
import { planWith } from '../../domain/plans.js';
import { sample } from '../../judge/traffic.js';
import { recorded } from '../surroundings.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-compare-'));
writeFileSync(
  join(folder, 'sluice.config.yaml'),
  JSON.stringify({
    environments: { test: { production: false } },
    metrics: { direct: { type: 'scrape', urls: ['http://127.0.0.1:9/metrics'] } },
  }),
);
after(() => {
  rmSync(folder, { recursive: true });
});

async function refused(...words: readonly string[]): Promise<string> {
  const { surroundings, out, err } = recorded({ cwd: folder });
  assert.equal(await runCommandLine(['compare', ...words], surroundings), 1);
  assert.deepEqual([out, err.length], [[], 1]);
  return err[0] ?? '';
}

const PAIR = ['--stable', 'version="41"', '--candidate', 'version="42"'] as const;

test('a scrape source has no past, and says what to do', async () => {
  assert.match(
    await refused('--source', 'direct', ...PAIR, '--since', '1h'),
    /direct is a scrape source, which remembers nothing; give --watch 5m/,
  );
});

test('what cannot be compared is one line that says what is expected', async () => {
  assert.match(await refused('--source', 'prod', ...PAIR), /no metrics connection "prod".*expected one of direct/);
  assert.match(await refused('--source', 'direct', ...PAIR, '--since', '1h', '--watch', '5m'), /expected one/);
  assert.match(await refused('--source', 'direct', '--stable', 'a="1"', '--candidate', 'a="1"'), /the same labels for both/);
  assert.match(
    await refused('--source', 'direct', '--stable', '41', '--candidate', 'a="1"'),
    /expected labels such as version="41"/,
  );
  assert.match(await refused('--source', 'direct', ...PAIR), /direct is an exporter, .* say which with --service/);
  assert.match(await refused('--source', 'direct', ...PAIR, '--service', 'app'), /^sluice: direct: /);
});

test('labels are read as PromQL writes them, in braces or not, commas and quotes in values included', () => {
  assert.deepEqual(parseLabelSet('{version="4,2", zone = "a\\"b"}'), { version: '4,2', zone: 'a"b' });
  for (const wrong of ['', 'version', 'version=42', 'version!="42"', 'version=~"4.*"', 'a="1",a="2"', 'a="1" b="2"'])
    assert.equal(parseLabelSet(wrong), undefined, wrong);
  const value = fc.string();
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), value, { minKeys: 1 }), (labels) => {
      const text = Object.entries(labels).map(([name, one]) => `${name}=${JSON.stringify(one)}`);
      fc.pre(!text.some((one) => /\\[nrtbfu]/.test(one)));
      assert.deepEqual({ ...parseLabelSet(text.join(',')) }, { ...labels });
    }),
  );
});

test('labels that both share are fixed; one that a set lacks is empty there; more than three cannot differ', () => {
  const paired = pairOf({ app: 'x', version: '41' }, { app: 'x', version: '42', canary: 'yes' });
  assert.deepEqual(paired, {
    pair: { stable: { release: '41', id: '', slot: '41' }, candidate: { release: '42', id: 'yes', slot: '42' } },
    revision: { version: 'release', canary: 'id' },
    fixed: { app: 'x' },
  });
  const four = (value: string) => ({ a: value, b: value, c: value, d: value });
  assert.deepEqual(pairOf(four('1'), four('2')), { refused: 'found 4 labels that differ (a, b, c, d), expected at most 3' });
});

const counts = (elapsedMs: number, stable: readonly [number, number], candidate: readonly [number, number]) => ({
  errors: sample(elapsedMs, {
    stable: { requests: stable[0], bad: stable[1] },
    candidate: { requests: candidate[0], bad: candidate[1] },
  }),
});

test('the risk budget is asked for the step of the policy that the observed share would go to next', () => {
  const readings = [counts(300_000, [9_000, 9], [1_000, 1]), counts(600_000, [18_000, 18], [2_000, 2])];
  const { weightBp, next, verdict } = compare(planWith(), ['errors'], readings, 600_000);
  assert.deepEqual([weightBp, next?.weightBp, verdict], [1_000, 2_500, 'pass']);
});

test('a failure on the way stands, whatever comes after it', () => {
  const readings = [counts(300_000, [9_000, 0], [1_000, 100]), counts(600_000, [18_000, 0], [200_000, 100])];
  const { verdict, gates } = compare(planWith(), ['errors'], readings, 600_000);
  assert.deepEqual([verdict, gates[0]?.reason], ['fail', 'worse']);
  assert.match(gates[0]?.sentence ?? '', /Failed after 5 min/);
});

test('no requests are blind, and a gate that nobody feeds is no pass', () => {
  assert.equal(compare(planWith(), ['errors'], [counts(600_000, [0, 0], [0, 0])], 600_000).verdict, 'blind');
  assert.equal(compare(planWith(), [], [counts(600_000, [9_000, 0], [9_000, 0])], 600_000).verdict, 'blind');
  assert.equal(compare(planWith(), ['errors'], [], 0).verdict, 'blind');
});
