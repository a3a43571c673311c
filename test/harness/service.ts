/** Starts and steers the tests' own service, one child process per revision. */
import { request } from 'undici';
import { typescriptProgram } from './node-program.js';
import { freePort } from './ports.js';
import { startProcess, type ManagedProcess } from './processes.js';
import type { Behaviour, ServiceIdentity } from './service-behaviour.js';
import type { LedgerReport } from './service-ledger.js';
import { untilSeen } from './until.js';

/** What `/control` answers: who it is, how it behaves, and what it counted since it was started. */
export interface ServiceReport extends ServiceIdentity, LedgerReport {
  readonly pid: number;
  readonly behaviour: Behaviour;
}

export type ServiceOptions = Partial<Omit<ServiceIdentity, 'name'>> & { readonly name: string; readonly run?: ServiceProgram };

/** Another service than the harness's own, which answers `/control` as that does. */
export interface ServiceProgram {
  readonly program: URL;
  /** Its second argument, as JSON; the first is the identity. */
  readonly settings: unknown;
}

export class TestService {
  #process: ManagedProcess | undefined;

  private constructor(
    readonly identity: ServiceIdentity,
    private readonly run: ServiceProgram | undefined,
  ) {}

  /** The revision is the name, and the release `<name>-release`, unless told. */
  static async start({ run, ...options }: ServiceOptions): Promise<TestService> {
    const { name } = options;
    const schemaPins = { schemaRev: 1, indexHash: 'index-1', modelTag: 'model-1' };
    const port = options.port ?? (await freePort());
    const service = new TestService({ revision: name, releaseId: `${name}-release`, schemaPins, ...options, port }, run);
    await service.start();
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.identity.port)}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Also after `kill`: the same port, with counts that begin at 0 again and behaviour that is healthy again. */
  async start(): Promise<void> {
    const words = [this.identity, ...(this.run === undefined ? [] : [this.run.settings])].map((word) => JSON.stringify(word));
    const program = typescriptProgram(this.run?.program ?? new URL('./service-main.ts', import.meta.url), words);
    this.#process = await startProcess(
      { name: `service ${this.identity.name}`, file: process.execPath, arguments: program },
      { isReady: async (child) => (await this.report()).pid === child.pid, withinMs: 60_000 },
    );
  }

  /** Changes what the fields name, at once, for requests that begin from now on. */
  async behave(change: Partial<Behaviour>): Promise<ServiceReport> {
    return this.#control({ method: 'POST', body: JSON.stringify(change) });
  }

  async report(): Promise<ServiceReport> {
    return this.#control({ method: 'GET' });
  }

  /** The report when no stream is open any more. */
  async reportAtRest(wait: { readonly withinMs: number }): Promise<ServiceReport> {
    const isAtRest = (report: ServiceReport): boolean => report.streams.every((stream) => stream.endedAt !== undefined);
    return untilSeen(() => this.report(), isAtRest, { ...wait, what: `the streams of ${this.identity.name} to end` });
  }

  /** Asks it to end when its streams have ended, for `graceMs` (2 s); then ends it. */
  async stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    await this.#process?.stop({ graceMs: options.graceMs ?? 2_000 });
  }

  /** SIGKILL: open answers break. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async #control(how: { readonly method: 'GET' | 'POST'; readonly body?: string }): Promise<ServiceReport> {
    const { statusCode, body } = await request(`${this.url}/control`, { ...how, headersTimeout: 5_000, reset: true });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${this.url}/control: ${String(statusCode)} ${text.slice(0, 400)}`);
    return JSON.parse(text) as ServiceReport;
  }
}
