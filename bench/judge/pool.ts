/** Runs of experiments spread over worker threads. What comes out does not depend on their number. */
import { Worker } from 'node:worker_threads';
import type { Experiment } from './experiment.js';

/** Runs `from` … `to − 1` of one cell. */
export interface Task {
  readonly experiment: string;
  readonly cell: number;
  readonly from: number;
  readonly to: number;
}

const RUNS_A_TASK = 25;

export class Pool {
  readonly #workers: readonly Worker[];

  constructor(size: number) {
    this.#workers = Array.from({ length: size }, () => new Worker(new URL('./worker.mjs', import.meta.url)));
  }

  /** Outcomes by cell, in the order of the runs. */
  async run(experiment: Experiment, runs: number, progress: (share: number) => void): Promise<readonly (readonly unknown[])[]> {
    const outcomes = Array.from({ length: experiment.cells }, () => new Array<unknown>(runs));
    const tasks: Task[] = [];
    for (let from = 0; from < runs; from += RUNS_A_TASK)
      for (let cell = 0; cell < experiment.cells; cell++)
        tasks.push({ experiment: experiment.name, cell, from, to: Math.min(runs, from + RUNS_A_TASK) });
    const all = tasks.length;
    await Promise.all(
      this.#workers.map(async (worker) => {
        for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
          const found = await ask(worker, task);
          found.forEach((outcome, k) => (outcomes[task.cell]![task.from + k] = outcome));
          progress(1 - tasks.length / all);
        }
      }),
    );
    return outcomes;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, task: Task): Promise<readonly unknown[]> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (found: readonly unknown[]) => {
      worker.off('error', reject);
      resolve(found);
    });
    worker.postMessage(task);
  });
}
