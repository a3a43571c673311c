// Orders in PostgreSQL: the order and the record of its answer are one transaction. Needs `npm run build`; elsewhere `npm install sluice pg express`.
//   PORT=3000 RELEASE=v2 REVISION=green DATABASE_URL=postgres://… node examples/orders/tx.mjs
import express from 'express';
import pg from 'pg';
import {
  answerOf,
  drainOnSigterm,
  expressService,
  fingerprint,
  openPostgresStore,
  parseKey,
  replayOf,
  Service,
} from 'sluice/guard';

const { PORT = '3000', RELEASE = 'dev', REVISION = 'local', DATABASE_URL } = process.env;
const service = new Service({ name: 'orders', releaseId: RELEASE, revision: REVISION });
const pool = new pg.Pool({ connectionString: DATABASE_URL }).on('error', console.error);
await pool.query('CREATE TABLE IF NOT EXISTS orders (number serial PRIMARY KEY, what jsonb NOT NULL)');
const guard = service.guard({ store: await openPostgresStore(pool, { migrate: true }) });

/** A route with `tx` has no `expressGuard` before it: the two would claim the same key. */
async function place(request) {
  const key = parseKey(request.get('idempotency-key'));
  if (key.kind === 'missing') return answerOf({ kind: 'key-missing' });
  if (key.kind === 'invalid') return answerOf({ kind: 'key-invalid', reason: key.reason });
  const { method, originalUrl: path, body: bytes } = request;
  const spec = {
    scope: { tenant: 'acme', method, route: '/orders', key: key.key }, // who was authenticated
    fingerprint: fingerprint({ method, path, contentType: request.get('content-type') ?? '', bytes }),
  };
  const end = await guard.tx(spec, async (db) => {
    const { rows } = await db.query('INSERT INTO orders (what) VALUES ($1) RETURNING number', [JSON.parse(bytes.toString())]);
    const headers = { 'content-type': 'application/json', location: `/orders/${rows[0].number}` };
    return { status: 201, headers, body: { kind: 'bytes', bytes: Buffer.from(JSON.stringify({ order: rows[0].number })) } };
  });
  if (end.kind === 'executed') return end.outcome;
  return end.kind === 'replayed' ? replayOf(end.record) : answerOf(end.refusal);
}

const app = express();
app.use(expressService(service)); // first: what stands before it is not counted
app.post('/orders', express.raw({ type: '*/*' }), async (request, response) => {
  const { status, headers, body } = await place(request);
  response.status(status).set(headers).end(body.bytes);
});
app.get('/orders', async (_request, response) => {
  const { rows } = await pool.query('SELECT what FROM orders ORDER BY number');
  response.json(rows.map(({ what }) => what));
});

const server = app.listen(Number(PORT), '127.0.0.1');
await drainOnSigterm(service, { server, settleMs: Number(process.env.SETTLE_MS ?? 5_000) });
await pool.end();
