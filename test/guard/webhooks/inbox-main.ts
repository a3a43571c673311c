/** One delivery to one revision: `inbox-main <url> <indexHash> <step>`; killed at the step, or to its end if that is "none". */
import { Guard } from '../../../src/guard/guard.js';
import { openPostgresStore } from '../../../src/guard/stores/postgres.js';
import { receive } from '../../../src/guard/webhooks/inbox.js';
import { openPool } from '../../harness/postgres.js';
import { stepThrough } from '../stepping.js';

const [url = '', indexHash = '', wanted = ''] = process.argv.slice(2);
const step = (name: string): void => {
  if (name === wanted) process.kill(process.pid, 'SIGKILL');
};
const guard = new Guard({ store: await openPostgresStore(openPool(url, 5)), revision: indexHash, storeTimeoutMs: 5_000 });
const event = { sourceId: 'doc-1', eventRev: 7, indexHash };
const end = await receive(guard, { name: 'cms', tenant: 'acme', leaseMs: 500 }, event, (db, message) =>
  stepThrough(db, step, message.dedupeKey, message.indexHash),
);
console.log(end.kind);
process.exit(0);
