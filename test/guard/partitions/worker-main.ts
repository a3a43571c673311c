/**
 * A worker of one partition of a queue that lives in the store's own server: `worker-main <postgres|redis> <url> <revision>
 * <leaseMs> <signal> <step> <job>`. At the step of its `job`th job it sends itself the signal; "none" for no signal. It works
 * until SIGUSR2.
 */
import { consumePartition } from '../../../src/guard/partitions/consume.js';
import type { PartitionLease, PartitionLeases } from '../../../src/guard/partitions/leases.js';
import { openPostgresPartitions } from '../../../src/guard/partitions/postgres.js';
import { openPool } from '../../harness/postgres.js';
import { stepThrough, type Step } from '../stepping.js';
import { openRedis, QUEUE, takeJob } from './stages.js';

const [kind = '', url = '', revision = '', leaseMs = '0', signal = '', wanted = '', nth = '0'] = process.argv.slice(2);

type Work = (lease: PartitionLease, step: Step) => Promise<'worked' | 'empty'>;

async function open(): Promise<{ readonly leases: PartitionLeases; readonly work: Work }> {
  if (kind === 'postgres') {
    const leases = await openPostgresPartitions(openPool(url, 5));
    const work: Work = async (lease, step) => {
      const done = await leases.within(lease, async (db) => {
        const { rows } = await db.query<{ id: string }>(
          `DELETE FROM jobs WHERE id = (
             SELECT id FROM jobs WHERE partition = $1 ORDER BY position LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id`,
          [lease.partition],
        );
        const [job] = rows;
        if (job === undefined) return 'empty';
        await stepThrough(db, step, job.id, `${revision} ${String(lease.epoch)}`);
        return 'worked';
      });
      return done.kind === 'written' ? done.value : 'empty';
    };
    return { leases, work };
  }
  const { leases } = await openRedis(url);
  const work: Work = async (lease, step) => {
    await step('before write');
    const done = await leases.write(lease, takeJob(lease.partition, `${revision} ${String(lease.epoch)}`));
    await step('after write');
    return done.kind === 'written' && done.value !== null ? 'worked' : 'empty';
  };
  return { leases, work };
}

const ending = new AbortController();
process.once('SIGUSR2', () => {
  ending.abort();
});
const { leases, work } = await open();
let jobs = 0;
await consumePartition(
  {
    leases,
    queue: QUEUE,
    partition: 'p',
    release: `release of ${revision}`,
    revision,
    leaseMs: Number(leaseMs),
    idleMs: 20,
    signal: ending.signal,
    onEvent: (event) => {
      console.log(event.kind);
    },
  },
  async ({ lease }) => {
    const end = await work(lease, (name) => {
      if (name === wanted && jobs + 1 === Number(nth) && signal !== 'none') process.kill(process.pid, signal);
    });
    if (end === 'worked') jobs++;
    return end;
  },
);
process.exit(0);
