/** A BullMQ worker that stops itself with SIGSTOP in its first job, and says how that ended: `bullmq-main <redis url> <postgres url> <leaseMs>`. */
import { openPool } from '../../harness/postgres.js';
import { startBullWorker } from './bullmq-stage.js';

const [redisUrl = '', postgresUrl = '', leaseMs = '0'] = process.argv.slice(2);
await startBullWorker(redisUrl, openPool(postgresUrl, 5), {
  revision: 'blue',
  leaseMs: Number(leaseMs),
  during: () => {
    process.kill(process.pid, 'SIGSTOP');
  },
  onEnd: (how) => {
    console.log(how);
  },
});
