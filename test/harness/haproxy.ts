/**
 * A real HAProxy in master-worker mode, from a configuration file that the caller names. The harness owns the run folder,
 * the sockets and the two ports; what else the configuration reads from its environment, the caller gives.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf } from './alive.js';
import { freePorts } from './ports.js';
import { runToEnd, startProcess, type Command, type ManagedProcess } from './processes.js';
import { readSnapshot, type RouteSnapshot } from './route-snapshot.js';
import { until } from './until.js';

export interface HaproxyOptions {
  /** Path of the configuration. It may use RUN, PORT, CTL and LOG, which are set here. */
  readonly config: string;
  /** UDP port of the access log receiver, which must listen before HAProxy speaks. */
  readonly logPort: number;
  /** What else the configuration reads: the slots' ports, RELEASE_TOKEN, … */
  readonly environment: Readonly<Record<string, string>>;
  /** Files of the run folder by name, written once before the first start; a start after a kill finds them as they were left. */
  readonly files: Readonly<Record<string, string>>;
  /** The service that readiness is asked about. */
  readonly service: string;
}

/** Maps and lists that HAProxy refuses to start without: one service, its stable slot, and no candidate. */
export function runFiles(service: string, stableSlot: string): Record<string, string> {
  const empty = ['routes', 'leases', 'revoked', 'ramps', 'hosts', 'paths', 'ramp-info', 'releases'].map((name) => [
    `${name}.map`,
    '',
  ]);
  return {
    ...(Object.fromEntries(empty) as Record<string, string>),
    'pin-src.acl': '',
    'stable.map': `${service} ${stableSlot}\n`,
  };
}

export class Haproxy {
  readonly runFolder: string;
  #master: ManagedProcess | undefined;

  private constructor(
    readonly options: HaproxyOptions,
    readonly port: number,
    readonly controlPort: number,
  ) {
    // Short, because a socket's path may have 107 bytes at most.
    this.runFolder = mkdtempSync(join(tmpdir(), 'hap-'));
    for (const [name, text] of Object.entries(options.files)) writeFileSync(join(this.runFolder, name), text);
  }

  static async start(options: HaproxyOptions): Promise<Haproxy> {
    const [port, controlPort] = (await freePorts(2)) as [number, number];
    const haproxy = new Haproxy(options, port, controlPort);
    await haproxy.start();
    return haproxy;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  get controlUrl(): string {
    return `http://127.0.0.1:${String(this.controlPort)}`;
  }

  get adminSocket(): string {
    return join(this.runFolder, 'admin.sock');
  }

  /** Reaches the workers of earlier loads, which still answer kept connections. */
  get masterSocket(): string {
    return join(this.runFolder, 'master.sock');
  }

  get masterPid(): number {
    return this.#master?.pid ?? 0;
  }

  /** The serving worker and those of earlier loads that still have connections. */
  workerPids(): number[] {
    return childrenOf(this.masterPid);
  }

  /** Starts, also again after `kill` or `stop`: same ports, same files. Returns when the control endpoint answers. */
  async start(): Promise<void> {
    await this.#check();
    const words = ['-W', '-S', `${this.masterSocket},mode,600`, '-f', this.options.config];
    this.#master = await startProcess(this.#command('haproxy', words), {
      isReady: async () => (await this.route()).pid > 0,
      withinMs: 10_000,
    });
  }

  /** Loads the configuration and the map files anew, without dropping a connection. Returns when a new worker answers. */
  async reload(): Promise<{ readonly oldPid: number; readonly newPid: number }> {
    const oldPid = (await this.route()).pid;
    this.#master?.signal('SIGUSR2');
    const newPid = await until(
      async () => {
        const { pid } = await this.route();
        return pid !== oldPid && pid;
      },
      { withinMs: 10_000, what: `another HAProxy worker than ${String(oldPid)} to answer after a reload` },
    );
    return { oldPid, newPid };
  }

  /** SIGKILL to master and workers: connections break, as when the machine dies. The files stay. */
  async kill(): Promise<void> {
    await this.#master?.kill();
  }

  /** Ends HAProxy; connections that are open break. The files stay for a later start or a look. */
  async stop(): Promise<void> {
    await this.#master?.stop();
  }

  removeRunFolder(): void {
    rmSync(this.runFolder, { recursive: true, force: true });
  }

  /** What the serving worker says now. */
  async route(service = this.options.service): Promise<RouteSnapshot> {
    const response = await fetch(`${this.controlUrl}/route?svc=${encodeURIComponent(service)}`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(2_000),
    });
    const body = await response.text();
    if (!response.ok) throw new Error(`control endpoint: ${String(response.status)} ${body.slice(0, 400)}`);
    return readSnapshot(body);
  }

  /** Lines of the log that it could not send. */
  async droppedLogs(): Promise<number> {
    return Number(/^DroppedLogs: (\d+)$/m.exec(await this.command('show info'))?.[1] ?? 0);
  }

  /** One command past the recorder, for a test's own arrangements; the answer without its final empty line. */
  async command(text: string): Promise<string> {
    return askSocket(this.adminSocket, text);
  }

  /** The same to one worker, also an old one, through the master. */
  async commandTo(workerPid: number, text: string): Promise<string> {
    return askSocket(this.masterSocket, `@!${String(workerPid)} ${text}`);
  }

  mapFile(name: string): string {
    return join(this.runFolder, `${name}.map`);
  }

  /** A broken configuration should read as such, and not as a server that does not come up. */
  async #check(): Promise<void> {
    if (!existsSync(this.options.config)) throw new Error(`no HAProxy configuration at ${this.options.config}`);
    const checked = await runToEnd(this.#command('haproxy -c', ['-c', '-q', '-f', this.options.config]), { withinMs: 10_000 });
    if (checked.code !== 0) throw new Error(`HAProxy refuses ${this.options.config}:\n${checked.stderr}${checked.stdout}`);
  }

  #command(name: string, words: readonly string[]): Command {
    const { environment, logPort } = this.options;
    const own = { RUN: this.runFolder, PORT: String(this.port), CTL: String(this.controlPort), LOG: String(logPort) };
    return { name, file: process.env['HAPROXY'] ?? 'haproxy', arguments: words, environment: { ...environment, ...own } };
  }
}

/** Writes a command, ends its half (the master socket hangs otherwise) and reads the answer to the end. */
export function askSocket(path: string, text: string, withinMs = 3_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.end(`${text}\n`));
    let answer = '';
    socket.setEncoding('utf8');
    socket.setTimeout(withinMs, () => {
      socket.destroy(new Error(`${path} did not answer "${text}" within ${String(withinMs)} ms`));
    });
    socket.on('data', (piece: string) => (answer += piece));
    socket.on('error', reject);
    socket.on('end', () => {
      // Success is an empty line; no byte at all is a peer that died, and looks the same to a careless reader.
      if (answer === '') reject(new Error(`${path} closed without an answer to "${text}"`));
      else resolve(answer.trimEnd());
    });
  });
}
