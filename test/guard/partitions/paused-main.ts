/**
 * A worker of many partitions that stalls in the middle of a job of each: `paused-main <postgres|redis> <url> <partitions>
 * <leaseMs> <step>…`. Job `i` waits at the step of its turn; when all wait, the process stops itself with SIGSTOP. Continued,
 * every job goes on and tries to write. Prints how each ended.
 */
import { consumePartition } from '../../../src/guard/partitions/consume.js';
import type { PartitionLease, PartitionLeases } from '../../../src/guard/partitions/leases.js';
import { openPostgresPartitions } from '../../../src/guard/partitions/postgres.js';
import { openPool } from '../../harness/postgres.js';
import { stepThrough, stoppingTogether, type Step } from '../stepping.js';
import { gate } from '../support.js';
import { BLUE } from './conformance.js';
import { appendTo, openRedis, QUEUE } from './stages.js';

const [kind = '', url = '', partitions = '0', leaseMs = '0', ...steps] = process.argv.slice(2);
const count = Number(partitions);
const held = gate();
let holding = 0;

/** No transaction begins before all leases are held, so that few are idle for long before the process stops. */
async function barrier(): Promise<void> {
  if (++holding === count) held.open();
  await held.opened;
}

const stepOf = stoppingTogether(count, steps);

type Write = (lease: PartitionLease, step: Step) => Promise<{ readonly kind: string }>;

async function open(): Promise<{ readonly leases: PartitionLeases; readonly write: Write }> {
  if (kind === 'postgres') {
    const leases = await openPostgresPartitions(openPool(url, count + 5));
    return {
      leases,
      write: async (lease, step) => {
        await step('before transaction');
        return leases.within(lease, (db) => stepThrough(db, step, lease.partition, 'stale'));
      },
    };
  }
  const { leases } = await openRedis(url);
  return {
    leases,
    write: async (lease, step) => {
      await step('before write');
      return leases.write(lease, appendTo(lease.partition, 'stale'));
    },
  };
}

const { leases, write } = await open();

async function one(index: number): Promise<string> {
  const ending = new AbortController();
  let end = 'no job';
  const options = { leases, queue: QUEUE, partition: `p-${String(index)}`, ...BLUE, leaseMs: Number(leaseMs) };
  await consumePartition({ ...options, signal: ending.signal, onEvent: () => undefined }, async ({ lease }) => {
    await barrier();
    end = await write(lease, stepOf(index)).then(
      (fenced) => fenced.kind,
      () => 'threw',
    );
    ending.abort();
    return 'worked';
  });
  return end;
}

console.log(JSON.stringify(await Promise.all(Array.from({ length: count }, (_, index) => one(index)))));
process.exit(0);
