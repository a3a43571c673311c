/**
 * A worker as an upgrade may leave it: its activities work, and every task of a rollout's workflow fails in its code.
 * `stuck-worker-main <sluice.config.yaml> <bundle> <port>`.
 */
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { startWorker } from '../../src/worker/start-worker.js';
import { configOf } from '../worker/config.js';

const [config = '', workflowBundle = '', port = '0'] = process.argv.slice(2);
const worker = startWorker({
  config: configOf(readFileSync(config, 'utf8')),
  secrets: { env: process.env, readFile: (path) => readFileSync(path, 'utf8') },
  logger: pino({ level: 'warn' }),
  http: { port: Number(port) },
  workflowBundle,
});
process.once('SIGTERM', () => void worker.shutdown());
await worker.finished;
