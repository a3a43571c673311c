// A worker that takes jobs, here one a line of standard input: {"id": "…", "order": {…}}. Needs `npm run build`.
//   PORT=3000 RELEASE=v2 REVISION=green node examples/orders/job.mjs < jobs.ndjson
// A queue delivers more than once: the job's id is its key, and the second delivery gets the first result.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { drainOnSigterm, guardJob, MemoryStore, Refused, Service, serviceEndpoints } from 'sluice/guard';

const { PORT = '3000', RELEASE = 'dev', REVISION = 'local', JOB_MS = '0' } = process.env;
const service = new Service({ name: 'orders', releaseId: RELEASE, revision: REVISION });
// Revisions that take jobs of one queue share a store: see express.mjs (Redis) and fastify.mjs (PostgreSQL).
const guard = service.guard({ store: new MemoryStore() });

const orders = [];
const place = guardJob(guard, { name: 'place-order', tenant: () => 'acme', key: ({ id }) => id }, async ({ order }) => {
  await pause(Number(JOB_MS));
  orders.push(order);
  return { order: orders.length };
});

const waiting = [];
service.queueAge('orders', () => (waiting.length === 0 ? 0 : (Date.now() - waiting[0].at) / 1_000));

async function take(job) {
  try {
    const { kind, result } = await place(job);
    console.log(JSON.stringify({ job: job.id, kind, ...result }));
  } catch (error) {
    // With `retryMs` the queue may deliver it again after that; without it a person has to look.
    if (!(error instanceof Refused)) throw error;
    console.log(JSON.stringify({ job: job.id, kind: error.refusal.kind, retryMs: error.retryMs }));
  }
}

async function run() {
  while (!service.draining.aborted) {
    const next = waiting.shift();
    if (next === undefined) await pause(20);
    else await service.work(() => take(next.job)); // the drain waits for it
  }
}

const input = createInterface({ input: process.stdin });
input.on('line', (line) => waiting.push({ at: Date.now(), job: JSON.parse(line) }));
const endpoints = createServer(serviceEndpoints(service)).listen(Number(PORT), '127.0.0.1');
const running = run();

await drainOnSigterm(service, { settleMs: 0 }); // no balancer stands before a worker
await running;
input.close(); // what still waits goes back to the queue, which delivers it elsewhere
endpoints.close();
