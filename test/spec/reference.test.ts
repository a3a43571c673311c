import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { configJsonSchema, rolloutJsonSchema } from '../../src/spec/json-schemas.js';
import { referenceFiles } from '../../src/spec/reference-files.js';
import { CONFIG, FIVE_LINES } from './fixtures.js';

const file = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const accepts = (schema: unknown, yaml: string): boolean =>
  z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(parseYaml(yaml)).success;

for (const { name, text } of referenceFiles()) {
  test(`docs/reference/${name} is current (npx tsx scripts/generate-schemas.ts)`, () => {
    assert.equal(file(`docs/reference/${name}`), text);
  });
}

test('an editor with the JSON Schemas accepts what is right, placeholders included', () => {
  assert.ok(accepts(rolloutJsonSchema(), FIVE_LINES));
  assert.ok(
    accepts(
      rolloutJsonSchema(),
      `${FIVE_LINES}soak: "\${SOAK}"\nminimumRequests: "\${N}"\nsticky: "\${S}"\nidle: {then: "\${T}"}\nsteps: ["\${W}", {weight: 5.5}, 100]\n`,
    ),
  );
  assert.ok(accepts(rolloutJsonSchema(), file('examples/rollout.yaml')));
  assert.ok(accepts(configJsonSchema(), CONFIG));
  assert.ok(accepts(configJsonSchema(), file('examples/sluice.config.yaml')));
});

test('and it marks what is wrong', () => {
  for (const wrong of [
    'soak: 5',
    'soak: 5 m',
    'stpes: [1]',
    'gates: {errors: {tolerance: 0.05}}',
    'idle: {then: wait}',
    'sticky: 1',
    'sticky: {by: [user, nobody]}',
    'sticky: {by: []}',
    'drain: []',
  ]) {
    assert.ok(!accepts(rolloutJsonSchema(), `${FIVE_LINES}${wrong}\n`), wrong);
  }
  assert.ok(!accepts(configJsonSchema(), CONFIG.replace('token: {env: TOKEN}', 'token: abc')));
});

test('the reference shows every field of a rollout with its value in each profile', () => {
  const reference = referenceFiles().find(({ name }) => name === 'configuration.md')?.text ?? '';
  assert.match(reference, /^\| `soak` \| a duration .* \| 10m \| 20m \| 3m \| 5s \|$/m);
  assert.match(reference, /^\| `gates\.drift\.mode` \| .* \| off \| off \| off \| off \|$/m);
  assert.match(reference, /^\| `routers\.<name> \(haproxy\)\.adminSocket` \| /m);
  assert.ok(!/ \|  \|  \|  \|  \|$/m.test(reference.split('#### `limits`')[1]?.split('####')[0] ?? ' |  |  |  |  |'));
});
