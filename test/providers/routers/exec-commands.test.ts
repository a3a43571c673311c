/** What the adapter makes of commands: exit codes, time, output, what they are told, and when a rollback is final. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { capabilitiesOf } from '../../../src/providers/routers/exec/capabilities.js';
import { Finality } from '../../../src/providers/routers/exec/finality.js';
import { ExecRouter, type ExecRouterOptions } from '../../../src/providers/routers/exec/router.js';
import { runCommand } from '../../../src/providers/routers/exec/run-command.js';
import { until } from '../../harness/until.js';

const target = { service: 'app', environment: 'production' };
const stable = { id: 'v1', release: 'r1' };
const candidate = { id: 'v2', release: 'r2' };
const ramp = { id: 'r2~1', epoch: 1, owner: 'rollout/production/app' };
const intent = { stable, candidate, candidateBp: 5_000, ramp, sequence: 2, sticky: false };
const LONG_MS = 20_000;

/** `sh` is the program here, as any other could be. */
const sh = (script: string, ...words: string[]): string[] => ['/bin/sh', '-c', script, 'command', ...words];
const says = (answer: object): string[] => sh('cat >/dev/null; printf %s "$1"', JSON.stringify(answer));
const run = (script: string, timeoutMs = LONG_MS): Promise<unknown> =>
  runCommand(sh(script), {}, timeoutMs, 'exec, apply of "app"');

function inFolder(title: string, play: (folder: string) => Promise<void>): void {
  void test(title, { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'exec-'));
    try {
      await play(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

const written = {
  stable,
  candidate,
  candidateBp: 0,
  ramp,
  sequence: 1,
  lease: 'live',
  asked: { revoked: false, epoch: 1, owner: ramp.owner },
};

function router(commands: Partial<ExecRouterOptions['commands']>, more: Partial<ExecRouterOptions> = {}): ExecRouter {
  const missing = sh('echo "this command was not expected" >&2; exit 1');
  return new ExecRouter({
    commands: {
      read: says(written),
      apply: missing,
      revoke: missing,
      finalise: missing,
      confirm: says({ state: 'converged' }),
      ...commands,
    },
    timeoutMs: LONG_MS,
    capabilities: { stepBp: 1 },
    ...more,
  });
}

void test('exit code 0 is an answer, 75 is unknown, any other code a refusal with the first line of its reason', async () => {
  assert.deepEqual(await run('echo \'{"a": [1]}\''), { a: [1] });
  await assert.rejects(run('echo "throttled, try later" >&2; exit 75'), {
    name: 'ProviderError',
    kind: 'transient',
    message: /outcome is unknown.*throttled, try later/,
  });
  await assert.rejects(run('printf "no such listener\\nand a trace\\n" >&2; exit 3'), {
    kind: 'permanent',
    message: /ended with 3: no such listener$/,
  });
  await assert.rejects(run('exit 1'), { kind: 'permanent', message: /said nothing/ });
  await assert.rejects(run('kill -9 $$'), { kind: 'transient', message: /SIGKILL.*outcome is unknown/ });
});

void test('a program that is not there is an error for good, and names it', async () => {
  await assert.rejects(runCommand(['/no/such/program'], {}, LONG_MS, 'exec, read of "app"'), {
    kind: 'permanent',
    message: /"\/no\/such\/program" could not be started/,
  });
});

void test('output that is no JSON, or too much, is refused', async () => {
  await assert.rejects(run('echo done'), { kind: 'permanent', message: /must print one JSON document; it printed "done"/ });
  await assert.rejects(run('exit 0'), { kind: 'permanent' });
  await assert.rejects(run('yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'), {
    kind: 'permanent',
    message: /more than 1048576 bytes/,
  });
});

inFolder(
  'a command that takes too long is killed with everything that it started, and its outcome is unknown',
  async (folder) => {
    const pids = join(folder, 'pids');
    // The second process would go on writing for a minute, and holds the output open.
    await assert.rejects(run(`sleep 60 & echo $! >${pids}; echo $$ >>${pids}; wait`, 1_500), {
      kind: 'transient',
      message: /longer than 1500 ms and was killed; the outcome is unknown/,
    });
    const started = readFileSync(pids, 'utf8').trim().split('\n').map(Number);
    assert.equal(started.length, 2);
    await until(() => started.every((pid) => !isAlive(pid)), { withinMs: 5_000, what: 'both processes to be gone' });
  },
);

inFolder('a command is told all by JSON on its input, and no shell reads its words', async (folder) => {
  const file = join(folder, 'input.json');
  const strange = '$(touch /tmp/never) ; `id` "quoted"';
  const before = Date.now();
  const apply = sh('cat >"$1"; printf %s "$2" >"$1.word"; echo \'{"kind":"applied"}\'', file, strange);
  assert.deepEqual(await router({ apply }).apply(target, intent, 30_000), { kind: 'applied', ramp: ramp.id, sequence: 2 });
  const { notAfter, ...input } = JSON.parse(readFileSync(file, 'utf8')) as { notAfter: number };
  assert.deepEqual(input, {
    protocol: 1,
    operation: 'apply',
    target,
    intent,
    leaseMs: 30_000,
    found: { ramp: ramp.id, sequence: 1 },
    admission: 'write',
  });
  assert.ok(notAfter > before && notAfter <= Date.now() + LONG_MS, 'a raising write carries its deadline');
  assert.equal(readFileSync(`${file}.word`, 'utf8'), strange);
});

inFolder('a write that may not take effect is never asked for', async (folder) => {
  const file = join(folder, 'called');
  const apply = sh('touch "$1"; echo \'{"kind":"applied"}\'', file);
  for (const [read, kind] of [
    [{ ...written, sequence: 3 }, 'superseded'],
    [{ ...written, ramp: { ...ramp, id: 'r3~1', epoch: 2 } }, 'superseded'],
    [{ ...written, lease: 'revoked', asked: { ...written.asked, revoked: true } }, 'revoked'],
    [{ ...written, candidateBp: 5_000, sequence: 2 }, 'applied'],
  ] as const) {
    assert.equal((await router({ read: says(read), apply }).apply(target, intent, 30_000)).kind, kind);
  }
  assert.equal(existsSync(file), false);
});

void test('an answer that breaks the protocol says what is wrong with it', async () => {
  const reading = (answer: object, capabilities = {}): Promise<unknown> =>
    router({ read: says(answer) }, { capabilities: { stepBp: 1, ...capabilities } }).apply(target, intent, 30_000);
  await assert.rejects(reading({ ...written, candidateBp: 12_000 }), { kind: 'permanent', message: /candidateBp/ });
  await assert.rejects(reading({ ...written, stable: undefined }), { kind: 'permanent', message: /stable/ });
  await assert.rejects(reading({ ...written, asked: undefined }), { kind: 'permanent', message: /"asked" is missing.*r2~1/ });
  const apply = router({ apply: says({ kind: 'done' }) });
  await assert.rejects(apply.apply(target, intent, 30_000), { kind: 'permanent', message: /kind/ });
});

void test('without leases a ramp is live until it is revoked, and there is nothing to prolong', async () => {
  const { lease: _, ...leaseless } = written;
  const exec = router({ read: says({ ...leaseless, candidateBp: 2_500 }), apply: says({ kind: 'applied' }) });
  const { lease, effectiveBp, epoch } = await exec.read(target);
  assert.deepEqual([lease, effectiveBp, epoch], ['live', 2_500, 1]);
  assert.equal((await exec.apply(target, intent, 30_000)).kind, 'applied');
  assert.equal(await exec.renew(target, ramp, 30_000), 'renewed');
  assert.equal(await exec.renew(target, { ...ramp, id: 'r2~2' }, 30_000), 'lapsed');
  const revoked = router({ read: says({ ...leaseless, asked: { ...written.asked, revoked: true } }) });
  assert.equal(await revoked.renew(target, ramp, 30_000), 'revoked');
});

void test('what a connection does not say is taken to be the least, and a capability without its command is refused', () => {
  const commands = { read: ['r'], apply: ['a'], revoke: ['v'], finalise: ['f'], confirm: ['c'] };
  const { stepBp, fencing, lease, pin, drain, streamsSurvive, replicas } = capabilitiesOf({}, commands);
  assert.deepEqual(
    [stepBp, fencing, lease, pin, drain, streamsSurvive, replicas],
    [10_000, 're-assert', false, 'none', 'timed', 'unknown', 'unknown'],
  );
  assert.throws(() => capabilitiesOf({ lease: true }, commands), { kind: 'permanent', message: /commands\.renew/ });
  assert.throws(() => capabilitiesOf({ drain: 'counted' }, commands), { kind: 'permanent', message: /commands\.inflight/ });
  assert.throws(() => capabilitiesOf({}, { ...commands, apply: [] }), { kind: 'permanent', message: /"apply" is empty/ });
});

void test('the probe recipe names the revision, and without one there are no probes', async () => {
  const probe = {
    url: 'https://shop.example/',
    headers: { 'x-version': 'v={revision}', 'x-both': '{revision}{revision}' },
    answeredBy: 'x-served-by',
  };
  assert.deepEqual(await router({}, { probe }).probe(target, candidate), {
    url: 'https://shop.example',
    headers: { 'x-version': 'v=v2', 'x-both': 'v2v2' },
    answeredBy: { header: 'x-served-by', value: 'v2' },
  });
  await assert.rejects(router({}).probe(target, candidate), { kind: 'permanent', message: /"probe"/ });
});

void test('streams that nobody can count are undefined, and never 0', async () => {
  assert.equal((await router({}).inflight(target, candidate)).active, undefined);
  const counting = router({ inflight: says({ active: null, liveServers: 2 }) });
  const { active, liveServers } = await counting.inflight(target, candidate);
  assert.deepEqual([active, liveServers], [undefined, 2]);
});

inFolder(
  'where the platform does not fence, a late write after the rollback is overwritten, and only then the rollback is final (I7, I11)',
  async (folder) => {
    const file = join(folder, 'route.json');
    const store = (more: object): void => {
      writeFileSync(file, JSON.stringify({ ...written, ...more }));
    };
    const gone = { candidateBp: 0, sequence: 3, lease: 'revoked', asked: { ...written.asked, revoked: true } };
    const exec = router(
      {
        read: sh('cat >/dev/null; cat "$1"', file),
        revoke: sh('cat >/dev/null; cp "$1.revoked" "$1"; echo \'{"kind":"revoked"}\'', file),
      },
      { timeoutMs: 2_000, capabilities: { stepBp: 1, propagationBoundS: 0 } },
    );
    store({ ...written, candidateBp: 5_000 });
    writeFileSync(`${file}.revoked`, JSON.stringify({ ...written, ...gone }));
    const begun = performance.now();
    const receipt = await exec.revoke(target, ramp);
    // A raising write of a worker that was stopped: it knew nothing of the revocation, and writes the whole route.
    store({ ...written, candidateBp: 5_000, sequence: 2 });
    assert.equal(await exec.confirm(target, receipt), 'pending');
    assert.equal((await exec.read(target)).effectiveBp, 0, 'it was revoked again');
    await until(async () => (await exec.confirm(target, receipt)) === 'converged', {
      withinMs: 20_000,
      what: 'the rollback to be final',
    });
    assert.ok(performance.now() - begun >= 4_000, 'not before every write under way has had its time: two commands of 2 s');
  },
);

void test('a rollback is final when the longest write has had its time, counted from when this worker first heard of it', () => {
  let now = 1_000;
  const finality = new Finality(500, () => now);
  const read = (revoked: boolean, effectiveBp: number) => ({
    route: {
      stable,
      candidate,
      candidateBp: effectiveBp,
      effectiveBp,
      ramp,
      sequence: 2,
      lease: 'live' as const,
      epoch: 1,
      at: 0,
    },
    revoked,
    claimed: ramp,
    finalisedAt: undefined,
  });
  finality.revoked(ramp.id);
  now = 1_499;
  finality.revoked(ramp.id);
  assert.deepEqual(
    [finality.judge(ramp.id, read(true, 0)), finality.judge(ramp.id, read(false, 0)), finality.judge(ramp.id, read(true, 100))],
    ['under-way', 'overwritten', 'overwritten'],
  );
  now = 1_500;
  assert.deepEqual([finality.judge(ramp.id, read(true, 0)), finality.judge('r2~2', read(true, 0))], ['final', 'under-way']);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A killed process that nobody has waited for is still listed.
  const status = `/proc/${String(pid)}/status`;
  return !(existsSync(status) && /^State:\s+Z/m.test(readFileSync(status, 'utf8')));
}
