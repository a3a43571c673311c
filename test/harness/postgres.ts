/**
 * A real PostgreSQL in a folder of its own on a free port. It refuses to run as root, so root's tests run it as the user that
 * the package made. Nothing is synced to disk: what is tested is what survives a process, not a power cut.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './ports.js';
import { runToEnd, startProcess, type ManagedProcess } from './processes.js';

const DEBIAN = '/usr/lib/postgresql';

/** Where `initdb` and `postgres` are: Debian keeps them out of the path. */
function programs(): string | undefined {
  const folders = existsSync(DEBIAN) ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin')) : [];
  return [...folders, ...(process.env['PATH'] ?? '').split(':')].reverse().find((folder) => existsSync(join(folder, 'initdb')));
}

/** False where it is installed; otherwise what a skipped test says. */
export const withoutPostgres = programs() === undefined ? 'PostgreSQL is not installed' : false;

const USER = 'postgres';
const isRoot = process.getuid?.() === 0;
const asUser = (file: string, words: readonly string[]): { readonly file: string; readonly arguments: readonly string[] } =>
  isRoot
    ? { file: 'setpriv', arguments: [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', file, ...words] }
    : { file, arguments: words };

export class Postgres {
  readonly #folder: string;
  #server: ManagedProcess | undefined;

  private constructor(readonly port: number) {
    this.#folder = mkdtempSync(join(tmpdir(), 'pg-'));
  }

  static async start(): Promise<Postgres> {
    const postgres = new Postgres(await freePort());
    if (isRoot) chownSync(postgres.#folder, idOf('-u'), idOf('-g'));
    const data = ['-D', join(postgres.#folder, 'data'), '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    const made = await runToEnd(
      { name: 'initdb', folder: '/', ...asUser(postgres.#program('initdb'), data) },
      { withinMs: 60_000 },
    );
    if (made.code !== 0) throw new Error(`initdb failed:\n${made.stdout}${made.stderr}`);
    await postgres.start();
    return postgres;
  }

  get url(): string {
    return `postgres://${USER}@127.0.0.1:${String(this.port)}/postgres`;
  }

  /** The caller ends it. */
  pool(max = 20): pg.Pool {
    return openPool(this.url, max);
  }

  /** Starts, also again after `kill`: same port, same data. */
  async start(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.#folder,
      fsync: 'off',
      max_connections: '100',
      shared_buffers: '64MB',
    };
    const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const all = ['-D', join(this.#folder, 'data'), '-p', String(this.port), ...words];
    this.#server = await startProcess(
      { name: 'postgres', folder: '/', ...asUser(this.#program('postgres'), all) },
      { isReady: (child) => child.output.includes('ready to accept connections'), withinMs: 30_000 },
    );
  }

  /** SIGKILL to the server and all its sessions. */
  async kill(): Promise<void> {
    await this.#server?.kill();
  }

  /** Ends the server whoever is connected, and removes its data. */
  async stop(): Promise<void> {
    if (this.#server?.signal('SIGINT') === true) await this.#server.waitForExit({ withinMs: 10_000 });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #program(name: string): string {
    return join(programs() ?? '', name);
  }
}

/** Sessions that the server ends while they idle are no error of a test. */
export function openPool(url: string, max = 20): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max });
  pool.on('error', () => undefined);
  return pool;
}

const idOf = (flag: '-u' | '-g'): number => Number(spawnSync('id', [flag, USER]).stdout.toString());
