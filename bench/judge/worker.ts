import { parentPort } from 'node:worker_threads';
import { experimentNamed } from './experiments.js';
import type { Task } from './pool.js';

parentPort?.on('message', ({ experiment, cell, from, to }: Task) => {
  const { run } = experimentNamed(experiment);
  parentPort?.postMessage(Array.from({ length: to - from }, (_, k) => run(cell, from + k)));
});
