/** How the adapter writes to HAProxy: what comes late, what HAProxy forgets, what must be fast, and what no answer means. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import type { RecordedCommand } from '../../harness/socket-recorder.js';
import { Load, type LoadRecord } from '../../harness/load.js';
import { openStreams } from '../../harness/streams.js';
import { until } from '../../harness/until.js';
import { HaproxyStage, LEASE_MS, Slots, blue, green, target, write } from './support.js';

let slots: Slots;
let stage: HaproxyStage;

before(async () => {
  slots = await Slots.start();
});
after(async () => {
  await slots.stop();
});
beforeEach(async () => {
  stage = await HaproxyStage.start(slots);
});
afterEach(async () => {
  await stage.stop();
});

const USERS = Array.from({ length: 60 }, (_, number) => `user-${String(number)}`);

async function everybodyIsOn(revision: string): Promise<void> {
  assert.deepEqual([...new Set(await stage.ask(USERS))], [revision]);
}

/** Commands that change something, as the recorder saw them. */
function writes(): readonly string[] {
  return stage.recorder
    .commands()
    .filter(isWrite)
    .map(({ command }) => command.text);
}

const isWrite = ({ command }: RecordedCommand): boolean => command.kind === 'map-write';
const file = (map: string): string => readFileSync(stage.haproxy.mapFile(map), 'utf8');
const path = (map: string): string => stage.haproxy.mapFile(map);

/** Everything that a worker which stalled in the middle of its writes could still send. */
async function sendLate(ramp: string, slot: string): Promise<void> {
  const expiry = String(Math.floor((await stage.haproxy.route()).at / 1_000) + 600);
  for (const command of [
    `set map ${path('routes')} app/${ramp} ${slot}:10000:off:${ramp}.9`,
    `add map ${path('routes')} app/${ramp} ${slot}:10000:off:${ramp}.9`,
    `add map ${path('routes')} app ${slot}:10000:off:${ramp}.9`,
    `set map ${path('leases')} ${ramp} never`,
    `set map ${path('leases')} ${ramp} ${expiry}`,
    `add map ${path('leases')} ${ramp} ${expiry}`,
  ]) {
    await stage.haproxy.command(command);
  }
}

void test('commands that arrive after a rollback, a finalise, a reload or a newer ramp move nobody', async () => {
  const { router } = stage;
  const [rolledBack, promoted] = [
    write('rolled-back', 1, 10_000),
    write('promoted', 1, 10_000, { ramp: { ...write('promoted', 1, 0).ramp, epoch: 2 } }),
  ];
  await sendLate('unclaimed~1', 'green');
  await everybodyIsOn('blue');
  await router.apply(target, rolledBack, LEASE_MS);
  await router.revoke(target, rolledBack.ramp);
  await sendLate(rolledBack.ramp.id, 'green');
  await everybodyIsOn('blue');
  await router.apply(target, promoted, LEASE_MS);
  await sendLate(rolledBack.ramp.id, 'blue');
  await everybodyIsOn('green');
  await router.finalise(target, { ...promoted, sequence: 2 });
  for (const slot of ['blue', 'green']) await sendLate(promoted.ramp.id, slot);
  await everybodyIsOn('green');
  await stage.reload();
  for (const slot of ['blue', 'green']) await sendLate(promoted.ramp.id, slot);
  await everybodyIsOn('green');
});

/** HAProxy gets writes to this map late; returns once it has, and gives the writes that were sent afterwards. */
async function sentAfterDelayed(map: string, act: () => Promise<unknown>): Promise<readonly string[]> {
  const heal = stage.recorder.inject((command) =>
    command.kind === 'map-write' && command.map === map ? { kind: 'delay', until: 600 } : undefined,
  );
  await assert.rejects(act(), { name: 'ProviderError', kind: 'transient' });
  heal();
  const ofMap = ({ command }: RecordedCommand): boolean => command.kind === 'map-write' && command.map === map;
  const delayed = stage.recorder.commands().findLast(ofMap);
  const isThrough = (): boolean =>
    stage.recorder.commands().some(({ order, answer }) => order === delayed?.order && answer !== undefined);
  await until(isThrough, { withinMs: 5_000, what: 'HAProxy to get the delayed command' });
  const later = stage.recorder.commands().filter((recorded) => isWrite(recorded) && recorded.order > (delayed?.order ?? 0));
  return later.map(({ command }) => command.text);
}

void test('a call whose time is over sends nothing more, whatever the router does later', async () => {
  const hasty = stage.adapter({ deadlineMs: 400 });
  await stage.router.apply(target, write('late', 1, 0), LEASE_MS);
  assert.deepEqual(await sentAfterDelayed('leases', () => hasty.apply(target, write('late', 2, 10_000), LEASE_MS)), []);
  await everybodyIsOn('blue');
  await stage.router.apply(target, write('late', 3, 10_000), LEASE_MS);
  assert.deepEqual(await sentAfterDelayed('releases', () => hasty.finalise(target, write('late', 4, 0))), []);
  assert.equal((await stage.haproxy.route()).stable, 'blue');
});

void test("a lease is never shorter than asked for, and less than a second longer, by HAProxy's clock", async () => {
  for (let sequence = 1; sequence <= 10; sequence++) {
    const { at: before } = await stage.haproxy.route();
    await stage.router.apply(target, write('leased', sequence, 100), 30_000);
    const { at: afterwards, leaseExpiry } = await stage.haproxy.route();
    const until = Number(leaseExpiry) * 1_000;
    assert.ok(until >= before + 30_000 && until < afterwards + 31_000, `${leaseExpiry} after ${String(before)}`);
  }
});

void test('revoking again adds nothing, neither to the map nor to the file', async () => {
  const intent = write('once', 1, 10_000);
  for (let time = 0; time < 3; time++) await stage.router.revoke(target, intent.ramp);
  await stage.adapter().revoke(target, intent.ramp);
  assert.equal(file('revoked'), 'once~1 1\n');
  assert.equal((await stage.haproxy.command(`show map ${path('revoked')}`)).split('\n').length, 1);
  assert.deepEqual(writes(), [`add map ${path('revoked')} once~1 1`]);
});

void test('a rollback while HAProxy is down is an error that may be tried again, and HAProxy comes up with it', async () => {
  const intent = write('down', 1, 10_000);
  await stage.router.apply(target, intent, LEASE_MS);
  await stage.haproxy.kill();
  await assert.rejects(stage.router.revoke(target, intent.ramp), { name: 'ProviderError', kind: 'transient' });
  await stage.haproxy.start();
  assert.equal((await stage.router.apply(target, { ...intent, sequence: 2 }, LEASE_MS)).kind, 'revoked');
  assert.equal((await stage.router.finalise(target, { ...intent, sequence: 3 })).kind, 'revoked');
  await everybodyIsOn('blue');
});

void test('a rollback that HAProxy did not hear stands in the file, and a finalise obeys it', async () => {
  const intent = write('unheard', 1, 10_000);
  await stage.router.apply(target, intent, LEASE_MS);
  const heal = stage.recorder.inject((command) => (command.text.includes('revoked.map') ? { kind: 'refuse' } : undefined));
  await assert.rejects(stage.router.revoke(target, intent.ramp), { kind: 'transient' });
  heal();
  assert.equal((await stage.router.finalise(target, { ...intent, sequence: 2 })).kind, 'revoked');
  assert.equal(file('stable'), 'app blue\n');
  await everybodyIsOn('blue');
});

void test('a new ramp takes effect by one command, the last: the fence', async () => {
  await stage.router.apply(target, write('claimed', 1, 10_000), LEASE_MS);
  const maps = stage.recorder
    .commands()
    .filter((recorded) => isWrite(recorded) && recorded.answer === '')
    .map(({ command }) => (command.kind === 'map-write' ? command.map : ''));
  assert.deepEqual(
    maps,
    ['ramp-info', 'releases', 'releases', 'leases', 'routes', 'ramps'].filter((map, index) => map !== 'releases' || index < 3),
  );
  assert.deepEqual([file('ramps'), file('ramp-info')], ['app claimed~1\n', 'claimed~1 1:rollout/production/app\n']);
  assert.deepEqual([file('routes'), file('leases')], ['', ''], 'a restart must find no weight');
  assert.equal(file('releases').trim().split('\n').sort().join(', '), 'app/blue release-1, app/green release-2');
});

void test('a finalise writes the files first, then stable, then the revocation, then the weight', async () => {
  const intent = write('ordered', 1, 10_000);
  await stage.router.apply(target, intent, LEASE_MS);
  const before = stage.recorder.commands().length;
  let atFirstCommand = '';
  const heal = stage.recorder.inject((command) => {
    if (command.kind === 'map-write' && command.map === 'stable') atFirstCommand = file('stable') + file('revoked');
    return undefined;
  });
  await stage.router.finalise(target, { ...intent, sequence: 2, candidateBp: 0 });
  heal();
  assert.equal(atFirstCommand, 'app green\nordered~1 finalised.2\n');
  const sent = stage.recorder
    .commands()
    .slice(before)
    .filter(isWrite)
    .map(({ command }) => command.text.replaceAll(stage.haproxy.runFolder, ''));
  assert.deepEqual(sent.slice(1), [
    'set map /stable.map app green',
    'add map /revoked.map ordered~1 finalised.2',
    'set map /routes.map app/ordered~1 green:0:on:ordered~1.2',
  ]);
});

void test('a finalise that died after the files is carried through, even after its lease: a restart would do so too', async () => {
  const intent = write('half', 1, 10_000);
  await stage.router.apply(target, intent, 1_000);
  const heal = stage.recorder.inject((command) =>
    command.text.startsWith('set map') && command.text.includes('stable.map') ? { kind: 'refuse' } : undefined,
  );
  await assert.rejects(stage.router.finalise(target, { ...intent, sequence: 2 }), { kind: 'transient' });
  heal();
  await stage.pass(2_100);
  await everybodyIsOn('blue');
  assert.equal((await stage.router.finalise(target, { ...intent, sequence: 2 })).kind, 'applied');
  await everybodyIsOn('green');
});

void test('a rollback between the files and the command of a finalise wins, for users and for restarts', async () => {
  const intent = write('overtaken', 1, 10_000);
  await stage.router.apply(target, intent, LEASE_MS);
  const heal = stage.recorder.inject((command) => {
    if (!command.text.startsWith('set map') || !command.text.includes('stable.map')) return undefined;
    return { kind: 'delay', until: stage.adapter({ adminSocket: stage.haproxy.adminSocket }).revoke(target, intent.ramp) };
  });
  assert.equal((await stage.router.finalise(target, { ...intent, sequence: 2 })).kind, 'revoked');
  heal();
  await everybodyIsOn('blue');
  assert.equal(file('stable'), 'app blue\n');
  await stage.reload();
  await everybodyIsOn('blue');
});

void test('a kept connection of an earlier load meets the revocation too, and its streams are counted', async () => {
  const intent = write('reloaded', 1, 10_000);
  const [stream] = await openStreams({ url: stage.haproxy.url, seconds: 4 }, 1);
  await stage.router.apply(target, intent, LEASE_MS);
  const kept = await KeptConnection.open(stage.haproxy.port);
  assert.equal((await kept.ask()).gen, 'reloaded~1.1');
  const { oldPid } = await stage.haproxy.reload();
  assert.equal((await stage.router.inflight(target, blue)).active, 1, 'the stream is with the old worker');
  await stage.router.revoke(target, intent.ramp);
  assert.match(await stage.haproxy.commandTo(oldPid, `get map ${path('revoked')} reloaded~1`), /found=yes/);
  const { slot, lease } = await kept.ask();
  assert.deepEqual([slot, lease], ['blue', 'revoked']);
  assert.equal((await stream?.ended)?.whole, true);
  kept.close();
});

void test('a finalise reaches kept connections of an earlier load', async () => {
  const kept = await KeptConnection.open(stage.haproxy.port);
  assert.equal((await kept.ask()).slot, 'blue');
  await stage.haproxy.reload();
  const intent = write('finalised', 1, 10_000);
  await stage.router.apply(target, intent, LEASE_MS);
  await stage.router.finalise(target, { ...intent, sequence: 2 });
  assert.equal((await kept.ask()).slot, 'green');
  kept.close();
});

void test('revocations under load take effect with their answer, and no request fails', async (context) => {
  const load = new Load({ url: stage.haproxy.url, requestsPerSecond: 300, atMost: { requests: 6_000, ms: 20_000 } });
  const late: number[] = [];
  const took: number[] = [];
  for (let round = 1; round <= 15; round++) {
    const intent = write(`round-${String(round)}`, 1, 10_000);
    const ramp = { ...intent.ramp, epoch: round };
    await stage.router.apply(target, { ...intent, ramp }, LEASE_MS);
    await until(() => load.records.some(({ gen }) => gen === `${ramp.id}.1`), {
      withinMs: 5_000,
      what: 'users on the candidate',
    });
    const begun = performance.now();
    await stage.router.revoke(target, ramp);
    const answered = Date.now();
    took.push(performance.now() - begun);
    await until(() => load.records.at(-1)?.sentAt !== undefined && load.records.at(-1)!.sentAt > answered + 20, {
      withinMs: 5_000,
      what: 'users after the revocation',
    });
    late.push(...sentAtOn(load.records, 'green', ramp.id).map((sentAt) => sentAt - answered));
  }
  const records = await load.stop();
  context.diagnostic(
    `${String(records.length)} requests; revoke answered after ${quantiles(took)} ms; last candidate request sent ${Math.max(...late).toFixed(0)} ms after the answer`,
  );
  assert.deepEqual(
    records.filter(({ status }) => status !== 200),
    [],
  );
  // A request of the very millisecond of the answer may have been routed before it.
  assert.ok(Math.max(...late) <= 1, `a user reached the candidate ${String(Math.max(...late))} ms after the revocation`);
});

void test('finalising at 100 % under load gives nobody to the old revision, and no request fails', async (context) => {
  const load = new Load({ url: stage.haproxy.url, requestsPerSecond: 300, atMost: { requests: 6_000, ms: 20_000 } });
  let [from, to] = [blue, green];
  const old: LoadRecord[] = [];
  const took: number[] = [];
  for (let round = 1; round <= 10; round++) {
    const base = write(`round-${String(round)}`, 1, 10_000, { stable: from, candidate: to });
    const intent = { ...base, ramp: { ...base.ramp, epoch: round } };
    await stage.router.apply(target, intent, LEASE_MS);
    const applied = Date.now();
    const seen = load.records.length;
    await until(() => load.records.slice(seen).some(({ sentAt }) => sentAt > applied + 20), {
      withinMs: 5_000,
      what: 'users on the candidate',
    });
    const begun = performance.now();
    await stage.router.finalise(target, { ...intent, sequence: 2 });
    took.push(performance.now() - begun);
    const after = Date.now();
    await until(() => load.records.slice(seen).some(({ sentAt }) => sentAt > after + 20), {
      withinMs: 5_000,
      what: 'users after the finalise',
    });
    const other = from.id;
    old.push(...load.records.slice(seen).filter(({ sentAt, revision }) => sentAt > applied + 1 && revision === other));
    [from, to] = [to, from];
  }
  const records = await load.stop();
  context.diagnostic(`${String(records.length)} requests; finalise took ${quantiles(took)} ms`);
  assert.deepEqual([old, records.filter(({ status }) => status !== 200)], [[], []]);
});

function sentAtOn(records: readonly LoadRecord[], revision: string, ramp: string): number[] {
  return records.filter((record) => record.revision === revision && record.gen === `${ramp}.1`).map(({ sentAt }) => sentAt);
}

function quantiles(values: readonly number[]): string {
  const sorted = [...values].sort((one, other) => one - other);
  return `${(sorted[sorted.length >> 1] ?? 0).toFixed(1)} (median), ${(sorted.at(-1) ?? 0).toFixed(1)} (worst of ${String(sorted.length)})`;
}

/** One connection that stays: what a reload leaves with the old worker. */
class KeptConnection {
  private constructor(readonly socket: Socket) {}

  static open(port: number): Promise<KeptConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => {
        resolve(new KeptConnection(socket.setEncoding('utf8')));
      });
      socket.once('error', reject);
    });
  }

  /** One request; the answer's routing headers. */
  async ask(): Promise<{
    readonly slot: string | undefined;
    readonly gen: string | undefined;
    readonly lease: string | undefined;
  }> {
    let text = '';
    const onData = (piece: string): string => (text += piece);
    this.socket.on('data', onData);
    this.socket.write('GET / HTTP/1.1\r\nhost: app\r\n\r\n');
    await until(() => text.includes('\r\n\r\n') && (text.includes('0\r\n\r\n') || /content-length/i.test(text)), {
      withinMs: 5_000,
      what: 'an answer on the kept connection',
    });
    this.socket.off('data', onData);
    const header = (name: string): string | undefined => new RegExp(`^${name}: (.*)\r$`, 'im').exec(text)?.[1];
    return { slot: header('x-release-slot'), gen: header('x-route-gen'), lease: header('x-route-lease') };
  }

  close(): void {
    this.socket.destroy();
  }
}
