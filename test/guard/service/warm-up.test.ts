import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WarmUp, type WarmChecks } from '../../../src/guard/service/warm-up.js';
import { Service } from '../../../src/guard/service/service.js';
import { gate } from '../support.js';

const fine = (): void => undefined;
const checks = (change: Partial<WarmChecks> = {}): WarmChecks => ({
  cache: fine,
  model: fine,
  secrets: fine,
  vectors: fine,
  ...change,
});

test('a check that hangs is told so before the controller gives up, is cut, and holds up no other', async () => {
  let cut: AbortSignal | undefined;
  const hangs = (signal: AbortSignal): Promise<void> => {
    cut = signal;
    return new Promise(() => undefined);
  };
  const states = await new WarmUp(checks({ vectors: hangs }), 20).run();
  assert.deepEqual(states, { cache: 'ok', model: 'ok', secrets: 'ok', vectors: 'no answer within 20 ms' });
  assert.equal(cut?.aborted, true);
});

test('whatever a check throws, at once or later, is told', async () => {
  const states = await new WarmUp(
    checks({
      cache: () => {
        throw new Error('no cache');
      },
      model: () => Promise.reject(new Error('no weights')),
    }),
  ).run();
  assert.deepEqual([states.cache, states.model], ['no cache', 'no weights']);
});

test('who asks while the checks run shares their answer; who asks later has them run again', async () => {
  let runs = 0;
  const slow = gate();
  const warmUp = new WarmUp(
    checks({
      model: () => {
        runs += 1;
        return slow.opened;
      },
    }),
  );
  const asked = [warmUp.run(), warmUp.run(), warmUp.run()];
  slow.open();
  await Promise.all(asked);
  assert.equal(runs, 1);
  await warmUp.run();
  assert.equal(runs, 2);
});

test('a service without a name that a rollout could mean is a mistake, and the message says which', () => {
  for (const what of ['name', 'releaseId', 'revision'] as const)
    assert.throws(
      () => new Service({ name: 'orders', releaseId: 'v2', revision: 'green', [what]: ' ' }),
      new RegExp(`^TypeError: ${what} is " ": give the ${what}`),
    );
});

test('what could not travel in a header is a mistake when the service is made, and not at its first probe', () => {
  const made = (change: object): Service => new Service({ name: 'orders', releaseId: 'v2', revision: 'green', ...change });
  assert.throws(() => made({ revision: 'v1\n' }), /^TypeError: revision is "v1\\n"/);
  assert.throws(() => made({ releaseId: 'b\r\nX-Evil: 1' }), /^TypeError: releaseId is/);
  assert.throws(
    () => made({ schemaPins: { schemaRev: -1, indexHash: 'a b', modelTag: 'm' } }),
    /x-schema-rev, x-index-hash invalid/,
  );
});

test('an instance that its platform warmed begins without a cold start', () => {
  const service = new Service({ name: 'orders', releaseId: 'v2', revision: 'green', startsWarm: true });
  assert.equal(service.identity().coldStart, false);
});
