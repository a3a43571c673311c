/**
 * HAProxy and the in-memory router answer alike over random histories of writes, late ones included. What both have in common
 * is decided in `admission.ts`; this looks at all that is not: stores, reload, read-back, the order of writes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { RouteIntent } from '../../../src/domain/route.js';
import type { Target } from '../../../src/domain/words.js';
import type { Receipt, TrafficRouter } from '../../../src/providers/ports.js';
import { haproxyConfiguration, haproxyRunFiles } from '../../../src/providers/routers/haproxy/configuration.js';
import { HaproxyRouter } from '../../../src/providers/routers/haproxy/router.js';
import { MemoryRouter } from '../../../src/testing/memory-router.js';
import { AccessLog } from '../../harness/access-log.js';
import { askSocket, Haproxy } from '../../harness/haproxy.js';
import { freePorts } from '../../harness/ports.js';
import { until } from '../../harness/until.js';
import { LEASE_MS, blue, green } from './support.js';

/** Each history has a service of its own, because nothing is ever forgotten. */
const SERVICES = Array.from({ length: 60 }, (_, number) => `app-${String(number)}`);
const HISTORIES = Number(process.env['SLUICE_HISTORIES_HAPROXY'] ?? 12);

interface Write {
  readonly kind: 'apply' | 'finalise';
  readonly ramp: number;
  readonly sequence: number;
  readonly candidateBp: number;
  readonly swapped: boolean;
}
type Call =
  Write | { readonly kind: 'revoke' | 'renew'; readonly ramp: number } | { readonly kind: 'confirm'; readonly receipt: number };
type Step = Call | { readonly kind: 'lapse' } | { readonly kind: 'reload' };

const RAMPS = [
  { id: 'first~1', epoch: 1, owner: 'rollout/production/app' },
  { id: 'second~1', epoch: 2, owner: 'rollout/production/app' },
  { id: 'rival~1', epoch: 2, owner: 'rollout/production/app' },
  { id: 'foreign~1', epoch: 3, owner: 'rollout/production/other' },
] as const;

const ramp = fc.nat({ max: RAMPS.length - 1 });
const write = (kind: 'apply' | 'finalise'): fc.Arbitrary<Write> =>
  fc.record({
    kind: fc.constant(kind),
    ramp,
    sequence: fc.integer({ min: 1, max: 5 }),
    candidateBp: fc.constantFrom(0, 100, 10_000),
    swapped: fc.boolean().map((value) => value && kind === 'apply'),
  });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: write('apply') },
  { weight: 2, arbitrary: write('finalise') },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('revoke' as const, 'renew' as const), ramp }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('confirm' as const), receipt: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: 'lapse' }, { kind: 'reload' }) },
);

let haproxy: Haproxy;
let log: AccessLog;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-model-'));
  log = await AccessLog.open();
  const [one, other] = (await freePorts(2)) as [number, number];
  const slots = { blue: `127.0.0.1:${String(one)}`, green: `127.0.0.1:${String(other)}` };
  writeFileSync(join(folder, 'haproxy.cfg'), haproxyConfiguration({ services: SERVICES.map((name) => ({ name, slots })) }));
  const files = haproxyRunFiles(SERVICES.map((name) => ({ name, stable: 'blue' as const })));
  haproxy = await Haproxy.start({
    config: join(folder, 'haproxy.cfg'),
    logPort: log.port,
    environment: {},
    service: 'app-0',
    files,
  });
});

after(async () => {
  await haproxy.stop();
  await log.close();
  haproxy.removeRunFolder();
  rmSync(folder, { recursive: true, force: true });
});

void test('HAProxy and the in-memory router answer alike over random histories', { timeout: 300_000 }, async () => {
  const services = SERVICES[Symbol.iterator]();
  const property = fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 25, size: 'max' }), async (steps) => {
    const { value: service, done } = services.next();
    assert.ok(done !== true, 'no service is left for another history');
    await play(service, steps);
  });
  await fc.assert(property, { numRuns: HISTORIES, endOnFailure: true, includeErrorInReport: true });
});

async function play(service: string, steps: readonly Step[]): Promise<void> {
  const target = { service, environment: 'production' };
  let now = 0;
  const memory = new MemoryRouter({ now: () => now });
  const [one, other] = [
    { ...blue, release: '' },
    { ...green, release: 'release-2' },
  ];
  memory.introduce(target, one);
  const { adminSocket, masterSocket, controlUrl, url, runFolder } = haproxy;
  const real = new HaproxyRouter({
    adminSocket,
    masterSocket,
    controlUrl,
    publicUrl: url,
    directory: runFolder,
    deadlineMs: 10_000,
  });
  const receipts: Receipt[] = [];
  const swappedRamps = new Set<number>();
  for (const [index, planned] of steps.entries()) {
    let next = planned;
    const where = `step ${String(index)} of ${service}: ${JSON.stringify(next)}`;
    if (next.kind === 'lapse') {
      now += LEASE_MS + 1;
      for (const { id } of RAMPS) await haproxy.command(`set map ${haproxy.mapFile('leases')} ${own(service, id)} 1`);
    } else if (next.kind === 'reload') {
      memory.reload();
      await haproxy.reload();
      // While the master starts itself anew it would miss another signal.
      await until(() => askSocket(masterSocket, 'show proc'), { withinMs: 5_000, what: 'the master' });
    } else {
      // A finalise that names another candidate than its ramp is refused, or, after a reload, nobody knows that it does.
      if (next.kind === 'finalise') next = { ...next, swapped: swappedRamps.has(next.ramp) };
      const call: Call = next;
      const act = (router: TrafficRouter): Promise<unknown> => ask(router, target, call, receipts, one, other);
      const [expected, found] = [await settled(act(memory)), await settled(act(real))];
      assert.deepEqual(found, expected, where);
      if (isReceipt(expected)) receipts.push(expected);
      if (next.kind === 'apply' && next.swapped && isReceipt(expected) && expected.kind === 'applied')
        swappedRamps.add(next.ramp);
    }
    assert.deepEqual(await stateOf(real, target), await stateOf(memory, target), where);
  }
}

/** Ramp ids are one map for all services, so each history has its own. */
const own = (service: string, id: string): string => `${service}-${id}`;

async function ask(
  router: TrafficRouter,
  target: Target,
  next: Call,
  receipts: readonly Receipt[],
  one: RouteIntent['stable'],
  other: RouteIntent['stable'],
): Promise<unknown> {
  if (next.kind === 'confirm') {
    const receipt = receipts[next.receipt];
    return receipt && router.confirm(target, receipt);
  }
  const base = RAMPS[next.ramp] ?? RAMPS[0];
  const of = { ...base, id: own(target.service, base.id) };
  switch (next.kind) {
    case 'revoke':
      return router.revoke(target, of);
    case 'renew':
      return router.renew(target, of, LEASE_MS);
    case 'apply':
    case 'finalise': {
      const { sequence, candidateBp, swapped } = next;
      const [stable, candidate] = swapped ? [other, one] : [one, other];
      const intent = { stable, candidate, candidateBp, ramp: of, sequence, sticky: true };
      return next.kind === 'apply' ? router.apply(target, intent, LEASE_MS) : router.finalise(target, intent);
    }
  }
}

async function settled(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => {
    assert.ok(error instanceof Error && error.name === 'ProviderError', String(error));
    return { error: error.message };
  });
}

const isReceipt = (value: unknown): value is Receipt => typeof value === 'object' && value !== null && 'kind' in value;

/** What a read says, but for the clock, the servers that live, and the release of a slot that this router was never told. */
async function stateOf(router: TrafficRouter, target: Target): Promise<unknown> {
  const { stable, candidate, liveServers: _servers, ...rest } = await router.read(target);
  return { ...rest, at: 0, stable: stable?.id, candidate: candidate?.id };
}
