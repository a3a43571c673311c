/** Somebody with two revisions on two ports, in an empty folder, after `sluice init --router edge` and `sluice dev`. */
import assert from 'node:assert/strict';
import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../harness/ports.js';
import type { ManagedProcess } from '../harness/processes.js';
import { TestService } from '../harness/service.js';
import { temporalCli } from '../harness/temporal-cli.js';
import { until } from '../harness/until.js';
import { Workplace } from './sluice.js';

export class Newcomer {
  private constructor(
    readonly workplace: Workplace,
    readonly blue: TestService,
    readonly green: TestService,
    readonly dev: ManagedProcess,
    readonly ports: { readonly users: number; readonly control: number; readonly exporter: number },
    /** Words for commands that talk to Temporal. */
    readonly place: readonly string[],
  ) {}

  static async start(): Promise<Newcomer> {
    const workplace = new Workplace({ TEMPORAL_CLI_PATH: await temporalCli() });
    const [blue, green] = await Promise.all([
      TestService.start({ name: 'blue', releaseId: 'v1' }),
      TestService.start({ name: 'green', releaseId: 'v2' }),
    ]);
    for (const name of ['rollout.yaml', 'sluice.config.yaml']) unlinkSync(join(workplace.folder, name));
    const slots = ['--blue', new URL(blue.url).host, '--green', new URL(green.url).host];
    const init = await workplace.run('init', 'answer-api', '--router', 'edge', '--release', 'v2', ...slots);
    assert.equal(init.code, 0, init.stderr);
    const [port, ui, users, control, exporter] = (await freePorts(5)) as [number, number, number, number, number];
    const written = readFileSync(join(workplace.folder, 'sluice.config.yaml'), 'utf8');
    const moved = written
      .replace('127.0.0.1:8080', `127.0.0.1:${users}`)
      .replace(':8081', `:${control}`)
      .replace(':9105', `:${exporter}`);
    workplace.write('sluice.config.yaml', moved);
    const given = { port, 'ui-port': ui, 'exporter-port': exporter, 'metrics-port': 0 };
    const dev = await workplace.start('dev', ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]));
    await until(() => dev.stdout.includes('worker: ready'), { withinMs: 60_000, what: `dev to be ready; it said ${dev.stderr}` });
    return new Newcomer(workplace, blue, green, dev, { users, control, exporter }, ['--address', `127.0.0.1:${port}`]);
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.users}`;
  }

  async stop(): Promise<void> {
    await this.dev.stop();
    await Promise.all([this.blue.stop(), this.green.stop()]);
    this.workplace.remove();
  }
}
