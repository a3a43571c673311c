/** What one fault is played with, and may break: a Temporal, a worker, and what stands between that worker and the rest. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SluiceClient } from '../../client/index.js';
import { freePort } from '../../worker/free-ports.js';
import { isReady, sluice, startChild, type Child } from '../demo/children.js';
import { startTemporalServer, type TemporalServer } from '../dev/temporal-server.js';
import { CommandFailure, fail } from '../failure.js';
import { oneLine } from '../render/text.js';
import { rig, type Rigged, type Rigging } from './rigging.js';

export interface Scene {
  readonly temporal: Pick<TemporalServer, 'kill'>;
  readonly worker: Pick<Child, 'kill'>;
  readonly rigging: Rigging;
  readonly client: SluiceClient;
  /** Everything that was started ends; what was written goes. */
  end(): Promise<void>;
}

export interface SceneOptions extends Omit<Rigged, 'temporalAddress' | 'folder'> {
  /** The binary. */
  readonly temporalCli: string;
}

/** Names of one's own Temporal must not lead the drill's worker there. */
const NO_OTHER_TEMPORAL = Object.fromEntries(
  ['ADDRESS', 'NAMESPACE', 'API_KEY', 'TLS', 'TLS_SERVER_CA_CERT_PATH', 'TLS_CLIENT_CERT_PATH', 'TLS_CLIENT_KEY_PATH'].map(
    (name) => [`TEMPORAL_${name}`, ''],
  ),
);
/** The worker bundles its workflows first, which takes minutes on a machine that has much else to do. */
const READY_MS = 300_000;
const SAID_AT_MOST = 500;

export async function setScene({ temporalCli, ...rigged }: SceneOptions): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-drill-'));
  const logFile = join(folder, 'worker.log');
  const endings: (() => Promise<unknown>)[] = [];
  const end = async (): Promise<void> => {
    for (const one of endings.toReversed()) await one().catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const temporal = await startTemporalServer({ binary: temporalCli, port: 0, uiPort: 0 });
    endings.push(() => temporal.stop());
    const rigging = await rig({ ...rigged, temporalAddress: temporal.address, folder });
    endings.push(() => rigging.close());
    const port = await freePort();
    const worker = await startChild(
      {
        name: "the drill's worker",
        file: process.execPath,
        arguments: sluice('worker', '--config', rigging.configFile, '--port', String(port), '--log-level', 'warn'),
        environment: NO_OTHER_TEMPORAL,
        logFile,
      },
      () => isReady(`http://127.0.0.1:${port}/readyz`),
      READY_MS,
    );
    // SIGTERM would wait for the activities that hang on what was broken.
    endings.push(() => {
      worker.kill();
      return worker.stop();
    });
    const client = await SluiceClient.connect({ address: temporal.address });
    endings.push(() => client.close());
    return { temporal, worker, rigging, client, end };
  } catch (error) {
    const said = lastOf(logFile);
    await end();
    throw error instanceof CommandFailure
      ? error
      : fail(`the drill could not begin: ${messageOf(error)}; its worker said: ${said}`);
  }
}

/** The log goes with the folder. */
function lastOf(logFile: string): string {
  return existsSync(logFile) ? oneLine(readFileSync(logFile, 'utf8').slice(-SAID_AT_MOST)) || 'nothing' : 'nothing';
}

const messageOf = (error: unknown): string => oneLine(error instanceof Error ? error.message : String(error));
