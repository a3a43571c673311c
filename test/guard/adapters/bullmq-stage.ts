/** One worker of a BullMQ queue whose effects are in PostgreSQL, for the tests and the program that they stop. */
import { Queue, Worker, type Job } from 'bullmq';
import type pg from 'pg';
import { createClient } from 'redis';
import { bullConsumer, bullSpec } from '../../../src/guard/adapters/bullmq.js';
import { Guard } from '../../../src/guard/guard.js';
import { fencedTx } from '../../../src/guard/partitions/fenced-tx.js';
import type { HoldOptions, PartitionEvent } from '../../../src/guard/partitions/hold-options.js';
import { openPostgresPartitions } from '../../../src/guard/partitions/postgres.js';
import { Refused } from '../../../src/guard/refusal.js';
import { openPostgresStore } from '../../../src/guard/stores/postgres.js';
import { outcome } from '../support.js';

export const QUEUE = 'index';

export async function openBullQueue(url: string, name = QUEUE): Promise<{ queue: Queue; close: () => Promise<void> }> {
  const connection = createClient({ url });
  connection.on('error', () => undefined);
  await connection.connect();
  const queue = new Queue(name, { connection });
  return {
    queue,
    close: async () => {
      await queue.close();
      connection.destroy();
    },
  };
}

export interface BullWorkerOptions extends Pick<HoldOptions, 'policy' | 'flow'> {
  readonly revision: string;
  readonly leaseMs?: number;
  readonly name?: string;
  readonly concurrency?: number;
  /** In the transaction, before the effect. */
  readonly during?: (job: Job) => Promise<void> | void;
  /** How the fenced transaction ended: what it did, or the name of what it threw. */
  readonly onEnd?: (how: string) => void;
}

export interface StartedBullWorker {
  readonly events: PartitionEvent[];
  /** After the jobs under way. */
  readonly end: () => Promise<void>;
}

export async function startBullWorker(
  url: string,
  pool: pg.Pool,
  { revision, leaseMs = 3_000, name = QUEUE, concurrency = 1, during = () => undefined, onEnd, ...rest }: BullWorkerOptions,
): Promise<StartedBullWorker> {
  const leases = await openPostgresPartitions(pool);
  const guard = new Guard({ store: await openPostgresStore(pool), revision });
  const events: PartitionEvent[] = [];
  const ending = new AbortController();
  const consumer = bullConsumer(
    {
      leases,
      queue: name,
      release: `release of ${revision}`,
      revision,
      leaseMs,
      idleMs: 20,
      signal: ending.signal,
      onEvent: (event) => events.push(event),
      ...rest,
    },
    async (job: Job, { lease }) => {
      // Outside of the fence: how often BullMQ had it done.
      await pool.query('INSERT INTO runs (job, worker) VALUES ($1, $2)', [job.id, revision]);
      const done = fencedTx(guard, { leases, lease }, { ...bullSpec(job, 'acme'), leaseMs }, async (db) => {
        await during(job);
        await db.query('INSERT INTO effects (job, worker) VALUES ($1, $2)', [job.id, revision]);
        return outcome();
      });
      done.then(
        ({ kind }) => onEnd?.(kind),
        (error: unknown) => onEnd?.((error as Error).name),
      );
      const end = await done;
      if (end.kind === 'refused') throw new Refused(end.refusal);
    },
  );
  const connection = createClient({ url });
  connection.on('error', () => undefined);
  await connection.connect();
  const options = { connection, autorun: false, concurrency, lockDuration: 1_000, stalledInterval: 500, drainDelay: 1 };
  const worker = new Worker(name, consumer.process, options);
  worker.on('error', () => undefined);
  const { queue, close } = await openBullQueue(url, name);
  const done = consumer.run(worker, queue);
  return {
    events,
    end: async () => {
      ending.abort();
      await done;
      await worker.close();
      await close();
      connection.destroy();
    },
  };
}
