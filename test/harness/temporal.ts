/**
 * A real Temporal development server, and what the tests ask of any Temporal server. A test that kills the server starts
 * its own; one that does not takes `temporalForTests`, which respects TEMPORAL_ADDRESS.
 */
import { join } from 'node:path';
import { freePorts } from './ports.js';
import { runToEnd, startProcess, type Finished, type ManagedProcess } from './processes.js';
import { temporalCli } from './temporal-cli.js';
import { asRecord, readHistory, type WorkflowHistory } from './workflow-history.js';

export interface ServerOptions {
  /** A folder for the database; without it the state lives in memory and a restart forgets everything. */
  readonly databaseFolder?: string;
  /** Serves Temporal's UI as well, on `uiPort`. */
  readonly ui?: boolean;
  readonly searchAttributes?: Readonly<
    Record<string, 'Keyword' | 'Text' | 'Int' | 'Double' | 'Bool' | 'Datetime' | 'KeywordList'>
  >;
}

/** Any Temporal server, asked through the CLI: the referee's view must not come from the SDK that the product uses. */
export class TemporalAccess {
  constructor(
    readonly address: string,
    readonly cli: string,
    readonly namespace = 'default',
  ) {}

  /** Runs `temporal …` against this server. The exit code is the caller's to judge. */
  async run(words: readonly string[], withinMs = 20_000): Promise<Finished> {
    const place = ['--address', this.address, '--namespace', this.namespace];
    const command = { name: `temporal ${words.join(' ')}`, file: this.cli, arguments: [...words, ...place] };
    return runToEnd(command, { withinMs });
  }

  /** Like `run`, but failing is an error, and the answer is JSON. */
  async json(words: readonly string[]): Promise<unknown> {
    const ended = await this.run([...words, '-o', 'json']);
    if (ended.code !== 0) throw new Error(`temporal ${words.join(' ')}: exit ${String(ended.code)}: ${ended.stderr}`);
    return JSON.parse(ended.stdout) as unknown;
  }

  async isServing(): Promise<boolean> {
    const ended = await this.run(['operator', 'cluster', 'health', '--command-timeout', '2s'], 5_000);
    return ended.code === 0 && ended.stdout.includes('SERVING');
  }

  /** `temporal workflow show -o json`; the newest run unless one is named. */
  async showHistory(workflowId: string, runId?: string): Promise<WorkflowHistory> {
    const run = runId === undefined ? [] : ['--run-id', runId];
    return readHistory(await this.json(['workflow', 'show', '--workflow-id', workflowId, ...run]));
  }

  async isOpen(workflowId: string): Promise<boolean> {
    const described = asRecord(await this.json(['workflow', 'describe', '--workflow-id', workflowId]));
    return asRecord(described['workflowExecutionInfo'])['status'] === 'WORKFLOW_EXECUTION_STATUS_RUNNING';
  }

  /** The newest run and those it continues as new, oldest first: a long rollout is one chain of them. */
  async showChain(workflowId: string): Promise<WorkflowHistory[]> {
    const chain = [await this.showHistory(workflowId)];
    for (;;) {
      const before = chain[0]?.continues;
      if (before === undefined) return chain;
      chain.unshift(await this.showHistory(workflowId, before));
    }
  }
}

/** A development server of our own, which may be killed and started again on the same port and database. */
export class TemporalServer extends TemporalAccess {
  #process: ManagedProcess | undefined;

  private constructor(
    cli: string,
    readonly port: number,
    /** Answers only if the server was started with `ui`. */
    readonly uiPort: number,
    readonly metricsPort: number,
    readonly httpPort: number,
    readonly options: ServerOptions,
  ) {
    super(`127.0.0.1:${String(port)}`, cli);
  }

  static async start(options: ServerOptions = {}): Promise<TemporalServer> {
    const cli = await temporalCli();
    const [port, uiPort, metricsPort, httpPort] = (await freePorts(4)) as [number, number, number, number];
    const server = new TemporalServer(cli, port, uiPort, metricsPort, httpPort, options);
    await server.start();
    return server;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get databaseFile(): string | undefined {
    return this.options.databaseFolder === undefined ? undefined : join(this.options.databaseFolder, 'temporal.db');
  }

  /** Returns when the server answers. Also starts it again after `stop` or `kill`. */
  async start(): Promise<void> {
    this.#process = await startProcess(
      { name: 'temporal server', file: this.cli, arguments: this.#arguments() },
      { isReady: () => this.isServing(), withinMs: 30_000 },
    );
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  /** SIGKILL, as a machine that goes away. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async restart(how: 'stop' | 'kill' = 'stop'): Promise<void> {
    await (how === 'stop' ? this.stop() : this.kill());
    await this.start();
  }

  #arguments(): string[] {
    const { ui, searchAttributes } = this.options;
    const ports = [
      ['--port', this.port],
      ['--metrics-port', this.metricsPort],
      ['--http-port', this.httpPort],
      ...(ui === true ? [['--ui-port', this.uiPort]] : []),
    ];
    const file = this.databaseFile;
    return [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--log-level', 'error'],
      ...ports.flat().map(String),
      ...(ui === true ? [] : ['--headless']),
      // Without these two, 200 starts take twelve seconds instead of one and a half (design §5).
      ...(file === undefined
        ? []
        : ['--db-filename', file, '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL']),
      ...Object.entries(searchAttributes ?? {}).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
    ];
  }
}

/**
 * For tests that do not kill the server: the one of TEMPORAL_ADDRESS if that is set, else a new one. `stop` ends only what
 * was started here.
 */
export async function temporalForTests(
  options: ServerOptions = {},
): Promise<{ readonly temporal: TemporalAccess; readonly stop: () => Promise<void> }> {
  const address = process.env['TEMPORAL_ADDRESS'];
  if (address === undefined || address === '') {
    const server = await TemporalServer.start(options);
    return { temporal: server, stop: () => server.stop() };
  }
  const temporal = new TemporalAccess(address, await temporalCli(), process.env['TEMPORAL_NAMESPACE'] ?? 'default');
  if (!(await temporal.isServing())) throw new Error(`TEMPORAL_ADDRESS is ${address}, but no server answers there`);
  return { temporal, stop: () => Promise.resolve() };
}
