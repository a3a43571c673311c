/** The embedded edge keeps every rule of a traffic router: the one suite, on real requests. */
import { Pool } from 'undici';
import { EdgeRouter } from '../../../src/providers/routers/edge/router.js';
import { routerConformance, type Identity, type RouterStage } from '../../../src/testing/router-conformance.js';
import { identityHeaders } from '../../harness/route-headers.js';
import { ask, startTestEdge, TOKEN, type TestEdge } from '../../dataplane/edge/support.js';
import { until } from '../../harness/until.js';
import { SlowControl } from './edge-support.js';

const target = { service: 'app', environment: 'production' };
const stable = { id: 'blue', slot: 'blue', release: 'release-1' };
const candidate = { id: 'green', slot: 'green', release: 'release-2' };

async function startStage(): Promise<RouterStage> {
  const edge = await startTestEdge();
  const control = await SlowControl.before(edge.edge.addresses.control.url);
  const adapter = (deadlineMs: number): EdgeRouter =>
    new EdgeRouter({ controlUrl: control.url, publicUrl: edge.edge.addresses.public.url, token: TOKEN, deadlineMs });
  const pool = new Pool(edge.edge.addresses.public.url, { connections: 8 });
  return {
    router: adapter(10_000),
    target,
    stable,
    candidate,
    ask: (users) => Promise.all(users.map((user) => revisionFor(pool, { user }))),
    askAs: (callers) => Promise.all(callers.map((caller) => revisionFor(pool, caller))),
    follow: async ({ url, headers, answeredBy }) => {
      const answer = await ask(url, { headers: { ...headers } });
      return { named: answer.headers[answeredBy.header]?.toString(), answeredBy: String(answer.headers['x-revision']) };
    },
    pass: (ms) => {
      edge.pass(ms);
      return Promise.resolve();
    },
    openStream: (user) => openStream(edge, pool, user),
    reload: () => edge.restart(),
    losingAnswers: async (act) => {
      const heal = control.loseAnswers();
      try {
        await act(adapter(400));
      } finally {
        heal();
      }
    },
    stop: async () => {
      await pool.destroy();
      await control.close();
      await edge.stop();
    },
  };
}

async function revisionFor(pool: Pool, caller: Identity): Promise<string> {
  const { headers, body } = await pool.request({ path: '/', method: 'GET', headers: identityHeaders(caller) });
  await body.dump();
  return String(headers['x-revision']);
}

async function openStream(edge: TestEdge, pool: Pool, user: string): ReturnType<RouterStage['openStream']> {
  const { headers, body } = await pool.request({ path: '/stream', method: 'GET', headers: { 'x-user-id': user } });
  const revision = String(headers['x-revision']);
  const slot = revision === 'blue' ? edge.blue : edge.green;
  const response = await until(() => slot.streams.at(-1), { withinMs: 5_000, what: 'the stream at its slot' });
  return {
    end: async () => {
      response.end(`event: end\ndata: ${slot.name}\n\n`);
      const text = await body.text();
      return { whole: text === `data: ${revision}\n\nevent: end\ndata: ${revision}\n\n`, revision };
    },
  };
}

routerConformance('the embedded edge', startStage);
