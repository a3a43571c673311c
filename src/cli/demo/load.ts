/** Users of the demo and of drills: a steady rate of questions and a few open streams, all through the router. */
import { Agent, request } from 'undici';
import { oneLine } from '../render/text.js';

export interface LoadCounts {
  readonly requests: number;
  readonly failed: number;
  /** Answered, below 500. */
  readonly served: number;
  /** Why the last one that failed did: what the connection said, or the status. */
  readonly failure?: string;
  readonly streams: number;
  readonly streamsCut: number;
  /** Requests answered by each release in the last second that was counted. */
  readonly byRole: Readonly<Record<string, number>>;
}

const BATCH_EVERY_MS = 20;
const STREAMS = 4;

/** Paths of the service. */
export interface Asked {
  readonly ask: string;
  /** Answers until its `event: end`; absent: nobody streams. */
  readonly stream?: string;
}

export interface RunningLoad {
  counts(): LoadCounts;
  /** Waits for what is open; `cut` does not, for a place that may never answer. */
  stop(how?: 'cut'): Promise<void>;
}

/** Starts at `requestsPerSecond`. */
export function startLoad(base: string, requestsPerSecond: number, { ask: path, stream }: Asked): RunningLoad {
  const agent = new Agent({ connections: 64, pipelining: 1 });
  let [requests, failed, served, streams, streamsCut, owed] = [0, 0, 0, 0, 0, 0];
  let failure: string | undefined;
  let byRole: Record<string, number> = {};
  let running = true;
  const ask = async (): Promise<void> => {
    requests += 1;
    try {
      const { statusCode, headers, body } = await request(`${base}${path}`, { dispatcher: agent });
      await body.dump();
      const role = String(headers['x-release-role']);
      byRole[role] = (byRole[role] ?? 0) + 1;
      if (statusCode < 500) served += 1;
      else fail(`answered ${statusCode}`);
    } catch (error) {
      fail(error instanceof Error ? oneLine(error.message || error.name) : String(error));
    }
  };
  const fail = (why: string): void => {
    failed += 1;
    failure = why;
  };
  const listen = async (): Promise<void> => {
    while (running) {
      streams += 1;
      try {
        const { body } = await request(`${base}${stream ?? ''}`, { dispatcher: agent });
        if (!(await body.text()).includes('event: end')) streamsCut += 1;
      } catch {
        streamsCut += 1;
      }
    }
  };
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    owed += ((now - last) / 1_000) * requestsPerSecond;
    last = now;
    for (; owed >= 1; owed -= 1) void ask();
  }, BATCH_EVERY_MS);
  const second = setInterval(() => {
    byRole = {};
  }, 1_000);
  const listeners = Array.from({ length: stream === undefined ? 0 : STREAMS }, listen);
  return {
    counts: () => ({ requests, failed, served, ...(failure === undefined ? {} : { failure }), streams, streamsCut, byRole }),
    stop: async (how) => {
      running = false;
      clearInterval(timer);
      clearInterval(second);
      if (how === 'cut') await agent.destroy();
      await Promise.all(listeners);
      if (how === undefined) await agent.close();
    },
  };
}
