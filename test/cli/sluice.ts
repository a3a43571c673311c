/** The real command line as a process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { typescriptProgram } from '../harness/node-program.js';
import { runToEnd, startProcess, type Command, type Finished, type ManagedProcess } from '../harness/processes.js';

const MAIN = new URL('../../src/cli/main.ts', import.meta.url);

/** Nothing of the machine's own settings gets in. */
const ENVIRONMENT = {
  TEMPORAL_ADDRESS: undefined,
  TEMPORAL_NAMESPACE: undefined,
  GITHUB_OUTPUT: undefined,
  GITHUB_STEP_SUMMARY: undefined,
  GITHUB_ACTOR: undefined,
  SLUICE_BY: 'ann',
  NO_COLOR: '1',
};

const WITHIN_MS = 60_000;

/** A folder with the files that a pipeline and a platform team would have. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));

  constructor(readonly environment: Readonly<Record<string, string>> = {}) {
    this.write('sluice.config.yaml', CONFIG);
    this.write('rollout.yaml', rollout('answer-api'));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  run(...words: readonly string[]): Promise<Finished> {
    return runToEnd(this.#command(words), { withinMs: WITHIN_MS });
  }

  /** Not awaited to its end. */
  start(...words: readonly string[]): Promise<ManagedProcess> {
    return startProcess(this.#command(words));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  #command(words: readonly string[]): Command {
    return {
      name: `sluice ${words.join(' ')}`,
      file: process.execPath,
      arguments: typescriptProgram(MAIN, words),
      environment: { ...ENVIRONMENT, ...this.environment },
      folder: this.folder,
    };
  }
}

export const rollout = (service: string): string => `service: ${service}
environment: test
candidate: {release: 9f3c1e, revision: green}
router: try-out
metrics: scraped
profile: rehearsal
`;

const CONFIG = `environments: {test: {production: false}}
routers:
  try-out: {type: edge, control: "http://127.0.0.1:9", public: "http://127.0.0.1:9", token: {env: EDGE_TOKEN}}
metrics:
  scraped: {type: scrape, urls: ["http://127.0.0.1:9/metrics"]}
`;
