/** What `sluice init --router haproxy` writes is enough for a real HAProxy, and for the worker's view of it. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePorts } from '../harness/ports.js';
import { runToEnd, startProcess } from '../harness/processes.js';
import { TestService } from '../harness/service.js';
import { Workplace } from './sluice.js';

const TOKEN = 'a token of sixteen';

let blue: TestService;
let green: TestService;
before(async () => {
  [blue, green] = await Promise.all([TestService.start({ name: 'blue' }), TestService.start({ name: 'green' })]);
});
after(async () => {
  await Promise.all([blue.stop(), green.stop()]);
});

async function initialised(...words: readonly string[]): Promise<{ readonly place: Workplace; readonly said: string }> {
  const place = new Workplace({ RELEASE_TOKEN: TOKEN, GITHUB_SHA: '9f3c1e' });
  for (const name of ['rollout.yaml', 'sluice.config.yaml']) unlinkSync(join(place.folder, name));
  const slots = ['--blue', new URL(blue.url).host, '--green', new URL(green.url).host];
  const { code, stdout, stderr } = await place.run('init', 'answer-api', '--router', 'haproxy', ...slots, ...words);
  assert.equal(code, 0, stderr);
  return { place, said: stdout };
}

test('HAProxy accepts the files as they are, starts by the command that is printed, and doctor finds it fit', async () => {
  const { place, said } = await initialised();
  try {
    const line = /^ {2}RUN=(\S+) PORT=8080 CTL=8081 LOG=5514 haproxy (-W .*)$/m.exec(said);
    assert.ok(line !== null, said);
    const [, run = '', words = ''] = line;
    const [port, control, log] = (await freePorts(3)) as [number, number, number];
    const haproxy = (name: string, ...more: readonly string[]) => ({
      name,
      file: 'haproxy',
      arguments: [...words.split(' '), ...more],
      folder: place.folder,
      environment: { RUN: run, PORT: String(port), CTL: String(control), LOG: String(log), RELEASE_TOKEN: TOKEN },
    });
    const checked = await runToEnd(haproxy('haproxy -c', '-c'), { withinMs: 10_000 });
    assert.deepEqual([checked.code, checked.stderr], [0, ''], checked.stdout);

    const users = `http://127.0.0.1:${port}/`;
    const running = await startProcess(haproxy('haproxy'), { isReady: async () => (await fetch(users)).ok, withinMs: 10_000 });
    try {
      assert.equal((await fetch(users)).headers.get('x-revision'), 'blue');
      const pinned = await fetch(users, { headers: { 'X-Release': 'green', 'X-Release-Token': TOKEN } });
      assert.equal(pinned.headers.get('x-revision'), 'green');
      const config = readFileSync(join(place.folder, 'sluice.config.yaml'), 'utf8');
      place.write('sluice.config.yaml', config.replace(':8080', `:${port}`).replace(':8081', `:${control}`));
      const { stdout } = await place.run('doctor', '--service', 'answer-api', '--address', '127.0.0.1:9');
      assert.match(stdout, /ok +router edge-haproxy +answer-api: stable blue, candidate 0 %, lease none, fenced by revocation/);
    } finally {
      await running.stop();
    }
  } finally {
    place.remove();
  }
});

test('the slot that the candidate is not in serves first', async () => {
  const { place, said } = await initialised('--revision', 'blue', '--run', 'run');
  try {
    assert.equal(readFileSync(join(place.folder, 'run', 'stable.map'), 'utf8'), 'answer-api green\n');
    assert.match(said, /^run\/stable\.map says that green serves now; correct it before the start if it does not$/m);
  } finally {
    place.remove();
  }
});

test('a map file that is there already is kept, and a folder too long for sockets is refused before anything is written', async () => {
  const { place } = await initialised();
  try {
    for (const name of ['rollout.yaml', 'sluice.config.yaml', 'haproxy.cfg']) rmSync(join(place.folder, name));
    const again = await place.run('init', 'answer-api', '--router', 'haproxy');
    assert.equal(again.code, 1);
    assert.match(
      again.stderr,
      /^sluice: found haproxy-run\/pin-src\.acl, haproxy-run\/stable\.map, .* already; nothing was written/,
    );
    const long = await place.run('init', 'answer-api', '--router', 'haproxy', '--run', `/tmp/${'x'.repeat(80)}`);
    assert.equal(long.code, 1);
    assert.match(long.stderr, /^sluice: --run is \/tmp\/x+; expected at most 80 characters, .*\n$/);
    assert.throws(() => readFileSync(join(place.folder, 'rollout.yaml')), { code: 'ENOENT' });
  } finally {
    place.remove();
  }
});

test('what could never be a service, an environment or an address is refused where it was typed, and nothing is written', async () => {
  const place = new Workplace({});
  for (const name of ['rollout.yaml', 'sluice.config.yaml']) unlinkSync(join(place.folder, name));
  for (const [words, said] of [
    [['Bad Name'], /service: found "Bad Name", expected a name of 1 to 63/],
    [['app', '--env', 'Prod X'], /--env: found "Prod X"/],
    [['app', '--router', 'edge', '--blue', 'nope'], /--blue: found "nope", expected host:port/],
    [['app', '--router', 'edge', '--green', '127.0.0.1:99999'], /--green: found "127\.0\.0\.1:99999"/],
    [['app', '--router', 'edge', '--blue', 'h:1', '--green', 'h:1'], /found h:1 twice/],
  ] as const) {
    const { code, stderr } = await place.run('init', ...words);
    assert.equal(code, 1);
    assert.match(stderr, said);
  }
  assert.equal((await place.run('init', 'app')).code, 0, 'the folder was still empty');
  place.remove();
});
