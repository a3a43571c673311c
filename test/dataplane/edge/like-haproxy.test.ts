/** The embedded edge and a real HAProxy, told the same and asked the same, answer, log and read back the same. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { STICKY_BY } from '../../../src/domain/words.js';
import { EdgeRouter } from '../../../src/providers/routers/edge/router.js';
import type { TrafficRouter } from '../../../src/providers/ports.js';
import { until } from '../../harness/until.js';
import { HaproxyStage, LEASE_MS, Slots, TOKEN, target, write } from '../../providers/routers/support.js';
import { startTestEdge, type Answered, type TestEdge } from './support.js';

const token = { 'x-release-token': TOKEN };
const user = { 'x-user-id': 'somebody' };
const RAMP = 'release-2~1';

/** At 0 and 100 %, where no hash and no chance decides. */
const EXACT: readonly Readonly<Record<string, string>>[] = [
  {},
  user,
  { 'x-user-id': 'x'.repeat(300) },
  { cookie: 'uid=0123456789abcdef' },
  { cookie: 'uid=not-one-of-ours' },
  { ...user, cookie: `relpin=${RAMP}.green` },
  { ...user, cookie: `relpin=${RAMP}.blue` },
  ...['canary', 'new', 'NEW', 'stable', 'blue', 'green', 'red', ''].flatMap((pin) => [
    { ...token, 'x-release': pin },
    { ...user, 'x-release': pin },
  ]),
  ...['true', 'TRUE', 'false', 'perhaps', ''].flatMap((pin) => [
    { ...token, 'x-canary': pin },
    { ...user, 'x-canary': pin },
  ]),
  { ...token, 'x-release': 'blue', 'x-canary': 'true' },
  { ...user, 'x-release-token': `${TOKEN}x`, 'x-release': 'green' },
  { ...user, 'x-release-token': '', 'x-release': 'green' },
];
/** In between: a reconnect decides. */
const BETWEEN: readonly Readonly<Record<string, string>>[] = [
  { cookie: `relpin=${RAMP}.green` },
  { cookie: `a=b; relpin=${RAMP}.blue; c=d` },
  { ...token, 'x-release': 'canary', cookie: `relpin=${RAMP}.blue` },
];

const everything = { ...user, 'x-sticky-key': 'a-key' };
/** At 99.99 and 0.01 %, where as good as nobody's bucket is on the other side: who stays and who has left (R18). */
const STAYING: readonly Readonly<Record<string, string>>[] = [
  {},
  ...['', `; relwas=${RAMP}.blue`, '; relwas=release-2~9.user', ...STICKY_BY.map((by) => `; relwas=${RAMP}.${by}`)].map(
    (more) => ({ ...everything, cookie: `uid=0123456789abcdef${more}` }),
  ),
  { ...everything, cookie: `relwas=${RAMP}.user; relpin=${RAMP}.blue` },
  { ...token, 'x-release': 'blue', cookie: `relwas=${RAMP}.user` },
];

const withoutHaproxy = spawnSync('haproxy', ['-v']).status !== 0;

void test(
  'told and asked the same, the edge and HAProxy answer, log and read back the same',
  { timeout: 280_000, skip: withoutHaproxy && 'HAProxy is not installed' },
  async () => {
    const slots = await Slots.start();
    const haproxy = await HaproxyStage.start(slots);
    const edge = await startTestEdge({ services: { app: { blue: slots.blue.url, green: slots.green.url } } });
    const { addresses } = edge.edge;
    const router = new EdgeRouter({
      controlUrl: addresses.control.url,
      publicUrl: addresses.public.url,
      token: TOKEN,
      deadlineMs: 20_000,
    });
    const tell = async (how: (router: TrafficRouter) => Promise<unknown>): Promise<void> => {
      assert.deepEqual(await how(router), await how(haproxy.router));
    };
    let asked = 0;
    const same = async (what: string, requests: readonly Readonly<Record<string, string>>[], path = '/'): Promise<void> => {
      for (const headers of requests) {
        const [ours, theirs] = [await edge.get({ ...headers }, path), await haproxy.get(headers, path)];
        const about = `${what}: ${JSON.stringify(headers)}`;
        assert.deepEqual(answerOf(ours), answerOf(theirs), about);
        asked++;
        await until(() => edge.lines.length >= asked && haproxy.log.lines.length >= asked, {
          withinMs: 10_000,
          what: `${String(asked)} lines`,
        });
        assert.deepEqual(lineOf(edge.lines[asked - 1]!), lineOf(haproxy.log.lines[asked - 1]!), about);
        assert.deepEqual(Object.keys(edge.lines[asked - 1]!), Object.keys(haproxy.log.lines[asked - 1]!));
      }
      assert.deepEqual(await readBackOf(edge), readBackFields((await haproxy.haproxy.route()).raw), what);
    };
    try {
      await tell((one) => one.apply(target, write('release-2', 1, 0), LEASE_MS));
      await same('at 0 %', EXACT);
      await tell((one) => one.apply(target, write('release-2', 2, 10_000), LEASE_MS));
      await same('at 100 %', EXACT);
      await same('a stream at 100 %', [user, {}, { ...token, 'x-release': 'blue' }], '/stream?s=0.01');
      await tell((one) => one.apply(target, write('release-2', 3, 5_000), LEASE_MS));
      await same('at 50 %', BETWEEN);
      await tell((one) => one.apply(target, write('release-2', 4, 5_000, { sticky: false }), LEASE_MS));
      await same('at 50 % without stickiness', BETWEEN);
      for (const [index, stickyBy] of STICKY_BY.entries()) {
        for (const [at, bp] of [9_999, 1].entries()) {
          const sequence = 5 + 2 * index + at;
          await tell((one) => one.apply(target, write('release-2', sequence, bp, { stickyBy }), LEASE_MS));
          await same(`at ${String(bp)} bp by ${stickyBy}`, STAYING);
        }
      }
      await tell((one) => one.revoke(target, write('release-2', 4, 0).ramp));
      await same('revoked', [...EXACT, ...BETWEEN]);
      const ramp = { id: 'release-2~2', epoch: 2, owner: 'rollout/production/app' };
      await tell((one) => one.apply(target, write('release-2', 1, 10_000, { ramp }), LEASE_MS));
      await same('the next ramp', [user, { ...user, cookie: `relpin=${RAMP}.blue` }]);
      await tell((one) => one.finalise(target, write('release-2', 2, 10_000, { ramp })));
      await same('promoted', EXACT);
      await edge.restart();
      await haproxy.reload();
      assert.deepEqual(await readBackOf(edge), readBackFields((await haproxy.haproxy.route()).raw), 'restarted');
      for (const headers of EXACT)
        assert.deepEqual(
          answerOf(await edge.get({ ...headers })),
          answerOf(await haproxy.get(headers)),
          `restarted: ${JSON.stringify(headers)}`,
        );
    } finally {
      await edge.stop();
      await haproxy.stop();
      await slots.stop();
    }
  },
);

/** Ids of new users are random. */
function answerOf({ status, headers, body }: Pick<Answered, 'status' | 'headers' | 'body'>): object {
  const cookies = [headers['set-cookie'] ?? []].flat().map((cookie) => cookie.replace(/^uid=[0-9a-f-]{36};/, 'uid=…;'));
  const named = ['x-release-slot', 'x-release-role', 'x-route-why', 'x-route-gen', 'x-route-lease', 'content-type', 'x-revision'];
  return {
    status,
    cookies,
    problem: status === 421 ? (JSON.parse(body) as object) : undefined,
    ...Object.fromEntries(named.map((name) => [name, headers[name]])),
  };
}

type Line = TestEdge['lines'][number];
function lineOf({
  svc,
  slot,
  role,
  why,
  gen,
  lease,
  release,
  st,
  ts,
  ct,
  stick,
}: Pick<Line, 'svc' | 'slot' | 'role' | 'why' | 'gen' | 'lease' | 'release' | 'st' | 'ct'> & {
  ts: string;
  stick: string;
}): object {
  return { svc, slot, role, why, gen, lease, release, st, ts, ct, stick };
}

async function readBackOf(edge: TestEdge): Promise<object> {
  return readBackFields((await edge.control('GET', '/route?svc=app')).body);
}

/** All but clocks and processes. */
function readBackFields({ nowMs: _, pid: __, leaseExpiry, asked, ...rest }: Readonly<Record<string, unknown>>): object {
  const { leaseExpiry: ___, ...about } = asked as Record<string, unknown>;
  return { ...rest, hasLease: leaseExpiry !== '0', asked: about };
}
