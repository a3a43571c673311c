/** A real Redis on a free port, which keeps nothing on disk. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.js';
import { startProcess, type ManagedProcess } from './processes.js';

/** False where it is installed; otherwise what a skipped test says. */
export const withoutRedis = spawnSync('redis-server', ['--version']).status === 0 ? false : 'Redis is not installed';

export class Redis {
  readonly #folder = mkdtempSync(join(tmpdir(), 'redis-'));
  #server: ManagedProcess | undefined;

  private constructor(
    readonly port: number,
    readonly settings: readonly string[],
  ) {}

  /** `settings` as on the command line: `['--maxmemory-policy', 'allkeys-lru']`. */
  static async start(settings: readonly string[] = []): Promise<Redis> {
    const redis = new Redis(await freePort(), settings);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${String(this.port)}`;
  }

  /** Starts, also again after `kill`: same port, and empty. */
  async start(): Promise<void> {
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#folder];
    this.#server = await startProcess(
      { name: 'redis', file: 'redis-server', arguments: [...place, ...this.settings] },
      { isReady: (child) => child.output.includes('Ready to accept connections'), withinMs: 10_000 },
    );
  }

  async kill(): Promise<void> {
    await this.#server?.kill();
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
