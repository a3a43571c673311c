/** A real Prometheus that scrapes given addresses once a second, for one test file. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../harness/ports.js';
import { startProcess, type ManagedProcess } from '../../harness/processes.js';

/** False where it is installed; otherwise what a skipped test says. */
export const withoutPrometheus: string | false =
  spawnSync('prometheus', ['--version']).status === 0
    ? false
    : 'LEFT OUT: no "prometheus" on PATH, so the real store is not tested. apt-get install prometheus';

export class PrometheusServer {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private readonly process: ManagedProcess,
  ) {}

  /** @param targets host:port by job */
  static async start(targets: Readonly<Record<string, readonly string[]>>): Promise<PrometheusServer> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'));
    const port = await freePort();
    const jobs = Object.entries(targets).map(([job, addresses]) => ({ job_name: job, static_configs: [{ targets: addresses }] }));
    // JSON is YAML.
    writeFileSync(
      join(folder, 'prometheus.yml'),
      JSON.stringify({ global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: jobs }),
    );
    const url = `http://127.0.0.1:${String(port)}`;
    const process = await startProcess(
      {
        name: 'prometheus',
        file: 'prometheus',
        arguments: [
          `--config.file=${folder}/prometheus.yml`,
          `--storage.tsdb.path=${folder}/data`,
          `--web.listen-address=127.0.0.1:${String(port)}`,
          '--log.level=warn',
        ],
        folder,
      },
      { isReady: async () => (await fetch(`${url}/-/ready`)).ok, withinMs: 30_000 },
    );
    return new PrometheusServer(url, folder, process);
  }

  async stop(): Promise<void> {
    await this.process.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
