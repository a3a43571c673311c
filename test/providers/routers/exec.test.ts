/** Commands that drive a file keep every rule of a traffic router: the one suite. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExecRouter } from '../../../src/providers/routers/exec/router.js';
import { bucketOf } from '../../../src/testing/buckets.js';
import { routerConformance, type RouterStage } from '../../../src/testing/router-conformance.js';

const DRIVER = fileURLToPath(new URL('./exec-driver.mjs', import.meta.url));
const target = { service: 'app', environment: 'production' };
const stable = { id: 'blue', release: 'release-1' };
const candidate = { id: 'green', release: 'release-2' };

interface Platform {
  stable: typeof stable;
  live: string | null;
  route: { readonly candidate: typeof stable; readonly candidateBp: number; readonly ramp: string } | null;
  leaseUntil: number;
  claims: object;
  revoked: object;
  open: Record<string, number>;
  /** The clock, which only tests move: commands are slow on a busy machine. */
  now: number;
  losing: boolean;
}

function startStage(): Promise<RouterStage> {
  const folder = mkdtempSync(join(tmpdir(), 'exec-'));
  const file = join(folder, 'platform.json');
  const read = (): Platform => JSON.parse(readFileSync(file, 'utf8')) as Platform;
  const change = (how: (platform: Platform) => void): void => {
    const platform = read();
    how(platform);
    writeFileSync(`${file}.test`, JSON.stringify(platform));
    renameSync(`${file}.test`, file);
  };
  const fresh: Platform = {
    stable,
    live: null,
    route: null,
    leaseUntil: 0,
    claims: {},
    revoked: {},
    open: {},
    now: 1_700_000_000_000,
    losing: false,
  };
  writeFileSync(file, JSON.stringify(fresh));
  const serve = (user: string): string => {
    const { stable: serving, live, route, leaseUntil, revoked, now } = read();
    const isLive = route !== null && live === route.ramp && !(route.ramp in revoked) && now < leaseUntil;
    const isHit = isLive && bucketOf(`app/${route.ramp.split('~')[0] ?? ''}/${user}`) < route.candidateBp;
    return isHit ? route.candidate.id : serving.id;
  };
  const driver = [process.execPath, DRIVER, file];
  const router = new ExecRouter({
    commands: { read: driver, apply: driver, revoke: driver, finalise: driver, confirm: driver, renew: driver, inflight: driver },
    timeoutMs: 20_000,
    capabilities: {
      stepBp: 1,
      split: 'hash',
      fencing: 'revocation',
      lease: true,
      pin: 'header',
      pinMiss: 'fails',
      sticky: 'key-hash',
      drain: 'counted',
      streamsSurvive: true,
      replicas: 1,
      propagationBoundS: 0,
    },
    probe: { url: 'http://platform.example/', headers: { 'x-revision': '{revision}' }, answeredBy: 'x-answered-by' },
  });
  return Promise.resolve({
    router,
    target,
    stable,
    candidate,
    ask: (users) => Promise.resolve(users.map(serve)),
    follow: ({ headers }) => Promise.resolve({ named: headers['x-revision'], answeredBy: headers['x-revision'] ?? 'nobody' }),
    pass: (ms) => {
      change((platform) => (platform.now += ms));
      return Promise.resolve();
    },
    openStream: (user) => {
      const revision = serve(user);
      change(({ open }) => (open[revision] = (open[revision] ?? 0) + 1));
      return Promise.resolve({
        end: () => {
          change(({ open }) => (open[revision] = (open[revision] ?? 0) - 1));
          return Promise.resolve({ whole: true, revision });
        },
      });
    },
    reload: () => {
      change((platform) => {
        platform.route = null;
        platform.leaseUntil = 0;
      });
      return Promise.resolve();
    },
    losingAnswers: async (act) => {
      change((platform) => (platform.losing = true));
      await act(router).finally(() => {
        change((platform) => (platform.losing = false));
      });
    },
    stop: () => {
      rmSync(folder, { recursive: true, force: true });
      return Promise.resolve();
    },
  });
}

routerConformance('exec, with commands that drive a file,', startStage);
