/** A real HAProxy with the product's configuration before two real services, for the router's tests. */
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import type { RouteIntent } from '../../../src/domain/route.js';
import { haproxyRunFiles } from '../../../src/providers/routers/haproxy/configuration.js';
import { HaproxyRouter, type HaproxyRouterOptions } from '../../../src/providers/routers/haproxy/router.js';
import type { Identity, RouterStage } from '../../../src/testing/router-conformance.js';
import { AccessLog } from '../../harness/access-log.js';
import { Haproxy } from '../../harness/haproxy.js';
import { identityHeaders, routeHeaders, type RouteHeaders } from '../../harness/route-headers.js';
import { TestService } from '../../harness/service.js';
import { SocketRecorder, type FaultRule } from '../../harness/socket-recorder.js';
import { isUncut, openStreams } from '../../harness/streams.js';
import { until } from '../../harness/until.js';

export const TEMPLATE = fileURLToPath(new URL('../../../deploy/haproxy/haproxy.cfg', import.meta.url));
export const TOKEN = 'test-release-token-0123456789';
export const target = { service: 'app', environment: 'production' };
export const blue = { id: 'blue', slot: 'blue', release: 'release-1' };
export const green = { id: 'green', slot: 'green', release: 'release-2' };

/** A write of the ramp `<release>~1`, to green. */
export function write(release: string, sequence: number, candidateBp: number, more: Partial<RouteIntent> = {}): RouteIntent {
  const ramp = { id: `${release}~1`, epoch: 1, owner: 'rollout/production/app' };
  return { stable: blue, candidate: green, candidateBp, ramp, sequence, sticky: true, ...more };
}

export const LEASE_MS = 60_000;

/** The two services live as long as the test file; each test gets an HAProxy of its own. */
export class Slots {
  private constructor(
    readonly blue: TestService,
    readonly green: TestService,
  ) {}

  static async start(): Promise<Slots> {
    const [one, other] = await Promise.all(['blue', 'green'].map((name) => TestService.start({ name, revision: name })));
    assert.ok(one !== undefined && other !== undefined);
    return new Slots(one, other);
  }

  async stop(): Promise<void> {
    await Promise.all([this.blue.stop(), this.green.stop()]);
  }
}

export interface Answer extends RouteHeaders {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export class HaproxyStage implements RouterStage {
  readonly target = target;
  readonly stable = blue;
  readonly candidate = green;
  readonly router: HaproxyRouter;
  readonly #pool: Pool;

  private constructor(
    readonly haproxy: Haproxy,
    readonly log: AccessLog,
    /** Between the adapter and the admin socket. */
    readonly recorder: SocketRecorder,
  ) {
    this.router = this.adapter();
    this.#pool = new Pool(haproxy.url, { connections: 8, pipelining: 1 });
  }

  static async start(
    slots: Slots,
    more: { readonly files?: Readonly<Record<string, string>>; readonly environment?: Readonly<Record<string, string>> } = {},
  ): Promise<HaproxyStage> {
    const log = await AccessLog.open();
    const haproxy = await Haproxy.start({
      config: TEMPLATE,
      logPort: log.port,
      service: target.service,
      environment: {
        APP_BLUE: String(slots.blue.identity.port),
        APP_GREEN: String(slots.green.identity.port),
        RELEASE_TOKEN: TOKEN,
        ...more.environment,
      },
      files: {
        ...haproxyRunFiles([{ name: target.service, stable: 'blue' }]),
        'releases.map': 'app/blue release-1\n',
        ...more.files,
      },
    });
    const recorder = await SocketRecorder.open(join(haproxy.runFolder, 'recorded.sock'), haproxy.adminSocket);
    return new HaproxyStage(haproxy, log, recorder);
  }

  /** As another worker would have it. */
  adapter(options: Partial<HaproxyRouterOptions> = {}): HaproxyRouter {
    const { haproxy, recorder } = this;
    return new HaproxyRouter({
      adminSocket: recorder.path,
      masterSocket: haproxy.masterSocket,
      directory: haproxy.runFolder,
      controlUrl: haproxy.controlUrl,
      publicUrl: haproxy.url,
      releaseToken: TOKEN,
      // Generous, because other work shares the machine.
      deadlineMs: 10_000,
      ...options,
    });
  }

  async ask(users: readonly string[]): Promise<readonly string[]> {
    return Promise.all(users.map(async (user) => (await this.get({ 'x-user-id': user })).revision ?? 'nobody'));
  }

  async askAs(callers: readonly Identity[]): Promise<readonly string[]> {
    return Promise.all(callers.map(async (caller) => (await this.get(identityHeaders(caller))).revision ?? 'nobody'));
  }

  async get(headers: Readonly<Record<string, string>> = {}, path = '/'): Promise<Answer> {
    const answer = await this.#pool.request({ path, method: 'GET', headers: { ...headers } });
    return {
      ...routeHeaders(answer.headers),
      status: answer.statusCode,
      headers: answer.headers,
      body: await answer.body.text(),
    };
  }

  async follow(recipe: Parameters<RouterStage['follow']>[0]): ReturnType<RouterStage['follow']> {
    const response = await fetch(recipe.url, { headers: { ...recipe.headers, connection: 'close' } });
    await response.text();
    return {
      named: response.headers.get(recipe.answeredBy.header) ?? undefined,
      answeredBy: response.headers.get('x-revision') ?? 'nobody',
    };
  }

  async pass(ms: number): Promise<void> {
    const end = (await this.haproxy.route()).at + ms;
    await until(async () => (await this.haproxy.route()).at >= end, {
      withinMs: ms + 10_000,
      what: `HAProxy's clock to pass ${String(ms)} ms`,
    });
  }

  async openStream(user: string): ReturnType<RouterStage['openStream']> {
    const [stream] = await openStreams({ url: this.haproxy.url, seconds: 4, headers: { 'x-user-id': user } }, 1);
    assert.ok(stream !== undefined);
    return {
      end: async () => {
        const record = await stream.ended;
        return { whole: isUncut(record), revision: record.revision ?? 'nobody' };
      },
    };
  }

  async reload(): Promise<void> {
    // A kept connection would be answered once more by the old worker; `haproxy.test.ts` looks at that by itself.
    await this.haproxy.reload();
    await this.ask(Array.from({ length: 32 }, (_, number) => `after-reload-${String(number)}`));
  }

  async losingAnswers(act: Parameters<NonNullable<RouterStage['losingAnswers']>>[0]): Promise<void> {
    const { ramp } = (await this.haproxy.route()).raw;
    const takesEffect: FaultRule = (command) => {
      if (command.kind !== 'map-write') return undefined;
      const what = `${command.verb} ${command.map}`;
      // A new ramp takes effect by the fence, a write of the live one by its route.
      const isWrite = what === 'set routes' && command.entries[0]?.key === `${target.service}/${String(ramp)}`;
      return isWrite || ['add ramps', 'set ramps', 'set stable', 'add revoked'].includes(what)
        ? { kind: 'never-answer' }
        : undefined;
    };
    const heal = this.recorder.inject(takesEffect);
    try {
      await act(this.adapter({ deadlineMs: 700 }));
    } finally {
      heal();
    }
  }

  async stop(): Promise<void> {
    await this.#pool.destroy();
    await this.recorder.close();
    await this.haproxy.stop();
    await this.log.close();
    this.haproxy.removeRunFolder();
  }
}
