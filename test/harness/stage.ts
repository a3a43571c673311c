/**
 * The whole data plane of one service: two revisions in the slots blue and green, HAProxy before them, its access log, and
 * a recorder on each of its sockets for the worker to talk through.
 */
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { AccessLog } from './access-log.js';
import { Haproxy, runFiles } from './haproxy.js';
import { TestService, type ServiceProgram } from './service.js';
import { SocketRecorder } from './socket-recorder.js';

export interface StageOptions {
  /** The service's name; the shipped configuration knows `app`. */
  readonly service?: string;
  /** Path of the configuration; SLUICE_HAPROXY_CONFIG, else the product's own, unless told. */
  readonly config?: string;
  /** More for the configuration's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** More files of the run folder, or other contents. */
  readonly files?: Readonly<Record<string, string>>;
  /** What runs in the slots; the harness's own service unless told. */
  readonly run?: Readonly<Record<'blue' | 'green', ServiceProgram>>;
}

export interface Stage {
  readonly service: string;
  /** For the header x-release-token, with which a pin is honoured. */
  readonly token: string;
  readonly haproxy: Haproxy;
  readonly log: AccessLog;
  readonly blue: TestService;
  readonly green: TestService;
  /** Between the worker and the admin socket; `admin.path` is what the worker is to be told. */
  readonly admin: SocketRecorder;
  readonly master: SocketRecorder;
  /** Ends everything; the run folder goes too. */
  stop(): Promise<void>;
}

export const PRODUCT_CONFIG = fileURLToPath(new URL('../../deploy/haproxy/haproxy.cfg', import.meta.url));

/** Blue is stable and nobody is on the way to green. */
export async function startStage(options: StageOptions = {}): Promise<Stage> {
  const service = options.service ?? 'app';
  const prefix = service.toUpperCase().replaceAll('-', '_');
  const token = 'test-release-token-0123456789';
  const log = await AccessLog.open();
  const start = (revision: 'blue' | 'green'): Promise<TestService> =>
    TestService.start({ name: `${service}-${revision}`, revision, ...(options.run && { run: options.run[revision] }) });
  const [blue, green] = await Promise.all([start('blue'), start('green')]);
  const haproxy = await Haproxy.start({
    config: options.config ?? process.env['SLUICE_HAPROXY_CONFIG'] ?? PRODUCT_CONFIG,
    logPort: log.port,
    service,
    files: { ...runFiles(service, 'blue'), ...options.files },
    environment: {
      RELEASE_TOKEN: token,
      SERVICE: service,
      [`${prefix}_BLUE`]: String(blue.identity.port),
      [`${prefix}_GREEN`]: String(green.identity.port),
      ...options.environment,
    },
  });
  const admin = await SocketRecorder.open(join(haproxy.runFolder, 'worker.sock'), haproxy.adminSocket);
  const master = await SocketRecorder.open(join(haproxy.runFolder, 'worker-master.sock'), haproxy.masterSocket);
  const stop = async (): Promise<void> => {
    await Promise.all([admin.close(), master.close()]);
    await haproxy.stop();
    await Promise.all([blue.stop(), green.stop(), log.close()]);
    haproxy.removeRunFolder();
  };
  return { service, token, haproxy, log, blue, green, admin, master, stop };
}
