/**
 * No container engine runs here, so docker-compose.yml is held against the code: a port, path or option that moves in one of them
 * turns a test red.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { haproxyRunFiles } from '../../src/providers/routers/haproxy/configuration.js';
import { parseConfig } from '../../src/spec/parse-config.js';
import { parseRollout } from '../../src/spec/parse-rollout.js';
import { assertCommand } from './command-words.js';
import { compose, option, PROJECT, projectFile, service } from './compose-file.js';

const HAPROXY_CFG = 'deploy/haproxy/haproxy.cfg';
const services = Object.entries(compose.services);
const haproxy = service('haproxy');
const onPath = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

const env = { RELEASE_TOKEN: 'x'.repeat(16) };
const config = parseConfig(projectFile('deploy/compose/sluice.config.yaml'), { file: 'sluice.config.yaml', env });
assert.equal(config.kind, 'ok', JSON.stringify(config));
const rollout = parseRollout(projectFile('deploy/compose/rollout.yaml'), {
  file: 'rollout.yaml',
  env,
  set: [],
  platform: config.config,
});
assert.equal(rollout.kind, 'ok', JSON.stringify(rollout));
const { plan } = rollout;
const router = config.config.routers[plan.connections.router];
assert.equal(router?.type, 'haproxy');

/** Starts a service's command as the container would, as far as that is `sluice`. */
const sluiceCommands = services.filter(([, { build, entrypoint }]) => build?.target === 'sluice' && entrypoint === undefined);

test('every image is pinned, in the compose file and in the Dockerfile', () => {
  const { version } = JSON.parse(projectFile('package.json')) as { version: string };
  for (const [name, { image, build }] of services) {
    assert.match(image, /^[a-z/-]+:v?\d+\.\d+(\.\d+)*$/, name);
    if (build !== undefined) assert.ok(image.endsWith(`:${version}`), `${name}: ${image} is not of version ${version}`);
  }
  for (const [, image = ''] of projectFile('deploy/Dockerfile').matchAll(/^FROM (\S+)/gm))
    assert.match(image, /^[a-z]+:\d+\.\d+[\w.-]*$/);
});

test('the commands and options are those of the command line', async () => {
  assert.deepEqual(sluiceCommands.map(([name]) => name).sort(), ['exporter', 'worker']);
  for (const [, { command }] of sluiceCommands) await assertCommand(command ?? []);
});

test('services, volumes, networks and build targets that are named exist', () => {
  const targets = [...projectFile('deploy/Dockerfile').matchAll(/^FROM \S+ AS (\S+)/gm)].map(([, target]) => target);
  for (const [name, { depends_on, network_mode, build, volumes }] of services) {
    for (const other of Object.keys(depends_on)) service(other);
    if (network_mode !== undefined) {
      service(network_mode.replace(/^service:/, ''));
      assert.ok(compose.services[name]?.ports.length === 0, `${name} publishes ports of a network that is not its own`);
    }
    if (build !== undefined) assert.ok(targets.includes(build.target), build.target);
    for (const volume of volumes) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) assert.ok(existsSync(join(PROJECT, source)), `${name} mounts ${source}`);
      else assert.ok(Object.hasOwn(compose.volumes, source), `${name}: no volume ${source}`);
    }
  }
});

test('only this machine can reach what is published', () => {
  for (const [name, { ports }] of services) for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, name);
});

test('the Dockerfile copies what exists, past its ignore file', () => {
  const allowed = projectFile('deploy/Dockerfile.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  for (const [, sources = ''] of projectFile('deploy/Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm))
    for (const source of sources.split(' ')) {
      assert.ok(existsSync(join(PROJECT, source)), source);
      assert.ok(allowed.includes(source), `${source} is ignored`);
    }
  const { bin, scripts } = JSON.parse(projectFile('package.json')) as {
    bin: { sluice: string };
    scripts: Record<string, string>;
  };
  assert.match(projectFile('deploy/Dockerfile'), new RegExp(`ln -s /app/${bin.sluice} `));
  assert.notEqual(scripts['build'], undefined);
});

test('the slots run the sample service of the demo, with the variables that it reads', () => {
  for (const name of ['blue', 'green']) {
    const { entrypoint, environment } = service(name);
    const file = entrypoint?.at(-1) ?? '';
    for (const [, imported = ''] of projectFile(file).matchAll(/'\.\.\/\.\.\/dist\/(\S+)\.js'/g))
      assert.ok(existsSync(join(PROJECT, 'src', `${imported}.ts`)), imported);
    const read = [...projectFile('src/cli/demo/sample-service.ts').matchAll(/environment\['(\w+)'\]/g)].map(([, key]) => key);
    for (const key of Object.keys(environment)) assert.ok(read.includes(key), `${key} is not read`);
    assert.equal(environment['REVISION'], name);
  }
});

test("HAProxy gets every variable that its configuration needs, and none that it doesn't know", () => {
  const text = projectFile(HAPROXY_CFG).replace(/^#.*$/gm, '');
  const used = [...text.matchAll(/\$\{(\w+)(-[^}]*)?\}|env\((\w+)\)/g)];
  const needed = used.filter(([, , fallback]) => fallback === undefined).map(([, braced, , called]) => braced ?? called);
  for (const name of needed) assert.ok(Object.hasOwn(haproxy.environment, name ?? ''), `${String(name)} is not set`);
  const known = used.map(([, braced, , called]) => braced ?? called);
  for (const name of Object.keys(haproxy.environment)) assert.ok(known.includes(name), `${name} is not used`);
  assert.ok(haproxy.volumes.some((volume) => volume.startsWith(`./${HAPROXY_CFG}:`)));
});

test('HAProxy, worker, exporter, Prometheus and the slots agree on ports and paths', () => {
  const { PORT, CTL, LOG, RUN, APP_BLUE, APP_GREEN } = haproxy.environment;
  const exporter = service('exporter').command;
  const metricsPort = option(service('worker').command, '--port');
  assert.equal(router.public, `http://127.0.0.1:${String(PORT)}`);
  assert.equal(router.control, `http://127.0.0.1:${String(CTL)}`);
  assert.deepEqual([router.directory, router.adminSocket], [RUN, `${String(RUN)}/admin.sock`]);
  assert.equal(option(haproxy.command, '-S'), `${String(router.masterSocket)},mode,600`);
  assert.equal(option(exporter, '--udp-port'), LOG);
  assert.deepEqual([service('blue').environment['PORT'], service('green').environment['PORT']], [APP_BLUE, APP_GREEN]);
  assert.ok(service('loopback').ports.includes(`127.0.0.1:${String(PORT)}:${String(PORT)}`));
  const { exporter: scraped, prometheus } = config.config.metrics;
  const exporterPort = option(exporter, '--port');
  assert.ok(scraped?.type === 'scrape' && scraped.urls.includes(`http://127.0.0.1:${exporterPort}/metrics`));
  const targets = JSON.stringify(parse(projectFile('deploy/compose/prometheus.yml')));
  for (const port of [exporterPort, metricsPort]) assert.ok(targets.includes(`127.0.0.1:${port}`), `nobody scrapes ${port}`);
  const listen = service('prometheus').command?.find((word) => word.startsWith('--web.listen-address='));
  assert.ok(prometheus?.type === 'prometheus' && listen?.endsWith(new URL(prometheus.url).port));
  assert.ok(service('worker').healthcheck?.test.join(' ').includes(`127.0.0.1:${metricsPort}/readyz`));
  assert.ok(service('users').entrypoint?.at(-1)?.startsWith(`${router.public}/`));
});

test('worker and HAProxy share the folder of the map files, as one user', () => {
  assert.equal(service('worker').user, haproxy.user);
  for (const name of ['worker', 'haproxy', 'router-files'])
    assert.ok(service(name).volumes.includes(`router-files:${String(haproxy.environment['RUN'])}`), name);
});

test('the rollout names what runs: service, release, router, and a secret that the worker has', () => {
  const { target, candidate } = plan;
  assert.equal(option(service('exporter').command, '--service'), target.service);
  assert.match(projectFile(HAPROXY_CFG), new RegExp(`^backend ${target.service}-${candidate.id}$`, 'm'));
  assert.equal(service(candidate.id).environment['RELEASE'], candidate.release);
  assert.ok(service('router-files').entrypoint?.includes(String(service('blue').environment['RELEASE'])));
  assert.ok(router.releaseToken.secret === 'env' && Object.hasOwn(service('worker').environment, router.releaseToken.name));
  assert.equal(service('worker').environment['RELEASE_TOKEN'], haproxy.environment['RELEASE_TOKEN']);
  assert.ok(config.config.temporal.address === 'temporal:7233' && service('temporal').ports.includes('127.0.0.1:7233:7233'));
});

function prepared(use: (folder: string, prepare: () => void) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-compose-'));
  const [, , , ...words] = service('router-files').entrypoint ?? [];
  const given = words.slice(0, -1);
  try {
    use(folder, () => {
      const done = spawnSync('sh', [join(PROJECT, 'deploy/compose/prepare-run.sh'), folder, ...given], { encoding: 'utf8' });
      assert.equal(done.status, 0, done.stderr);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the map files are those that HAProxy needs, and are never written over', () => {
  prepared((folder, prepare) => {
    prepare();
    const expected = haproxyRunFiles([{ name: plan.target.service, stable: 'blue' }]);
    assert.deepEqual(readdirSync(folder).sort(), Object.keys(expected).sort());
    for (const [name, text] of Object.entries(expected))
      if (name !== 'releases.map') assert.equal(readFileSync(join(folder, name), 'utf8'), text, name);
    spawnSync('sh', ['-c', `echo '${plan.target.service} green' > ${join(folder, 'stable.map')}`]);
    prepare();
    assert.equal(readFileSync(join(folder, 'stable.map'), 'utf8'), `${plan.target.service} green\n`);
  });
});

test('HAProxy accepts its configuration with these variables', { skip: !onPath('haproxy') }, () => {
  prepared((folder, prepare) => {
    prepare();
    const given = { ...haproxy.environment, ...env, RUN: folder };
    const checked = spawnSync('haproxy', ['-c', '-f', join(PROJECT, HAPROXY_CFG)], {
      env: { ...process.env, ...given },
      encoding: 'utf8',
    });
    assert.equal(checked.status, 0, checked.stderr);
  });
});

test('Prometheus accepts its configuration', { skip: !onPath('promtool') }, () => {
  const file = join(PROJECT, 'deploy/compose/prometheus.yml');
  const checked = spawnSync('promtool', ['check', 'config', file], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
});

test('the shell scripts can be read by a shell', () => {
  for (const name of readdirSync(join(PROJECT, 'deploy/compose')).filter((file) => file.endsWith('.sh'))) {
    const file = join(PROJECT, 'deploy/compose', name);
    assert.equal(spawnSync('sh', ['-n', file]).status, 0, name);
    assert.notEqual(statSync(file).mode & 0o100, 0, `${name} is not executable`);
  }
});
