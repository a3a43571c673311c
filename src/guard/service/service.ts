/**
 * One running instance of a revision: who it is, which parts of the guard are on, whether it takes requests, what is open, and
 * what it counts. The adapters beside it bring a framework's requests here.
 *
 * - An instance is **warm** when its warm-up has passed or it has answered a first request. What begins before is a cold start.
 * - It is **ready** when it is not draining and, where it has warm checks, these have passed.
 */
import type { GuardEvents } from '../events.js';
import { Guard, GUARD_WANTS as WITH_REVISION, type GuardOptions } from '../guard.js';
import { isWrite } from '../http.js';
import { headersOf } from '../pins/schema-pins.js';
import { checkOptions, checkValue, needed, oneOf, optional } from '../options.js';
import type { Outcome } from '../outcome.js';
import { problem } from '../problem.js';
import type { Store } from '../store.js';
import { ServiceMetrics, type QueueAge, type ReleaseCounts } from './metrics.js';
import { PATHS, type Identity, type Paths, type ServiceOptions } from './options.js';
import { PARTS, type Part } from './parts.js';
import { Visit } from './visit.js';
import { isWarm, WarmUp, type WarmChecks } from './warm-up.js';

const TEXT_OF_ROUTER = needed('text', 'as the rollout names it');
const WANTS = {
  name: TEXT_OF_ROUTER,
  releaseId: TEXT_OF_ROUTER,
  revision: TEXT_OF_ROUTER,
  schemaPins: optional('object'),
  warmUp: optional('object'),
  parts: optional('object', 'a list of parts'),
  paths: optional('object'),
  endpoints: oneOf('here', 'apart'),
  startsWarm: optional('flag'),
  streamTypes: optional('texts', 'a list of media types'),
  metrics: optional('object'),
};
const PART = oneOf(...PARTS);
const CHECK = needed('function', 'a function that touches it, and throws where it is not there');
const WARM_WANTS = { cache: CHECK, model: CHECK, secrets: CHECK, vectors: CHECK };
const PATH = { ...optional('anything', 'a path that begins with a slash, or false'), is: isPath };
const PATH_WANTS = { warmUp: PATH, ready: PATH, metrics: PATH };

function isPath(value: unknown): boolean {
  return value === false || (typeof value === 'string' && value.startsWith('/'));
}

const { revision: _, ...GUARD_WANTS } = WITH_REVISION;

const IDENTITY_PATH = '/.well-known/release';

export class Service {
  readonly metrics: ServiceMetrics;
  /** To be added to every answer that does not say so of another revision. */
  readonly headers: Readonly<Record<'x-release-id' | 'x-revision', string>>;
  /** For a guard that is made elsewhere than by `guard`. */
  readonly onEvent: GuardEvents;
  readonly #options: ServiceOptions;
  readonly #paths: Paths;
  readonly #counts: ReleaseCounts;
  readonly #warmUp: WarmUp | undefined;
  readonly #parts: Set<Part>;
  readonly #startedAt = new Date(performance.timeOrigin).toISOString();
  readonly #draining = new AbortController();
  readonly #idle: (() => void)[] = [];
  #open = 0;
  #isWarm: boolean;
  #hasPassed = false;

  constructor(options: ServiceOptions) {
    checkOptions<ServiceOptions>('Service', options, WANTS);
    const { name, releaseId, revision, parts = [], paths, warmUp, startsWarm = false } = options;
    if (warmUp !== undefined) checkOptions<WarmChecks>('options.warmUp', warmUp, WARM_WANTS);
    if (paths !== undefined) checkOptions<Paths>('options.paths', paths, PATH_WANTS);
    for (const part of parts) checkValue('a part', part, PART);
    for (const [what, value] of Object.entries({ name, releaseId, revision }))
      // Both travel in headers: a newline at the end of a file would end the process at the first probe.
      if (!/^[!-~](?:[ -~]*[!-~])?$/.test(value))
        throw new TypeError(
          `${what} is ${JSON.stringify(value)}: give the ${what} that the rollout names, printable and without blanks around it`,
        );
    if (options.schemaPins !== undefined) headersOf(options.schemaPins);
    this.#options = options;
    this.#paths = { ...PATHS, ...paths };
    this.#isWarm = startsWarm;
    this.#warmUp = warmUp && new WarmUp(warmUp);
    this.#parts = new Set(parts);
    if (warmUp !== undefined) this.#parts.add('warm-up');
    if (this.#paths.metrics !== false) this.#parts.add('metrics');
    this.headers = { 'x-release-id': releaseId, 'x-revision': revision };
    this.metrics = new ServiceMetrics(name, options.metrics);
    this.#counts = this.metrics.of({ releaseId, revision });
    this.onEvent = (event) => {
      this.#counts.event(event);
    };
  }

  /** Aborted when the drain begins: take no more jobs. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Requests and jobs that have begun and not ended, streams among them. */
  get open(): number {
    return this.#open;
  }

  get isReady(): boolean {
    return !this.draining.aborted && (this.#warmUp === undefined || this.#hasPassed);
  }

  identity(): Identity {
    const { releaseId, revision, schemaPins } = this.#options;
    return {
      releaseId,
      revision,
      ...(schemaPins === undefined ? {} : { schemaPins }),
      ready: this.isReady,
      startedAt: this.#startedAt,
      coldStart: !this.#isWarm,
      parts: [...this.#parts],
    };
  }

  /** Says that a part is on. */
  turnOn(part: Part): void {
    checkValue('the part', part, PART);
    this.#parts.add(part);
  }

  /** A guard that knows its revision and counts here. */
  guard<S extends Store>(given: Omit<GuardOptions<S>, 'revision'>): Guard<S> {
    checkOptions<Omit<GuardOptions<S>, 'revision'>>('service.guard', given, GUARD_WANTS);
    const { onEvent, ...options } = given;
    const guard = new Guard<S>({
      ...options,
      revision: this.#options.revision,
      onEvent: (event) => {
        this.onEvent(event);
        onEvent?.(event);
      },
    });
    this.turnOn('idempotency');
    return guard;
  }

  queueAge(queue: string, read: QueueAge): void {
    checkValue('the queue', queue, needed('text'));
    checkValue('the age of the queue', read, needed('function', 'a function that gives seconds'));
    this.turnOn('queue-age');
    this.metrics.queueAge(this.#options, queue, read);
  }

  /** One more try of an outgoing call (R23). */
  retried(): void {
    this.#counts.retried();
  }

  /** The service found out by itself that an effect came twice, by a unique index for example. It fails the rollout (R21). */
  duplicateEffect(route: string): void {
    this.onEvent({ kind: 'duplicate-effect', route, observed: false });
  }

  /** A job, or whatever else the drain has to wait for. */
  async work<Result>(run: () => Promise<Result> | Result): Promise<Result> {
    const end = this.#begin();
    try {
      return await run();
    } finally {
      end();
    }
  }

  /** A request begins. `why` is its `X-Route-Why`. Who gets a visit ends it. */
  visit(why: string | undefined): Visit {
    const end = this.#begin();
    return new Visit({
      counts: this.#counts,
      cold: !this.#isWarm,
      why,
      streamTypes: this.#options.streamTypes,
      onEnd: (status) => {
        if (status !== undefined && status < 500) this.#isWarm = true;
        end();
      },
    });
  }

  /**
   * Undefined: the request may go on. Writes wait until the warm-up has passed, and are refused where it does not (X1); one that
   * comes first runs it, so that an instance that nobody warmed opens by itself.
   */
  async refuse(method: string): Promise<Outcome | undefined> {
    if (!this.closesTo(method)) return undefined;
    const { failing } = await this.#warm();
    if (failing.length === 0) return undefined;
    const detail = `Nothing was done. Not ready: ${failing.join(', ')}. Repeat the same request after Retry-After.`;
    return problem('not-warm', { status: 503, title: 'The service is not warm yet', detail }, { 'retry-after': '1' });
  }

  /** Whether `refuse` is to be asked: what is not, need not wait for it. */
  closesTo(method: string): boolean {
    return this.#warmUp !== undefined && !this.#hasPassed && isWrite(method);
  }

  /** Answers at the endpoints; undefined for every other request. `path` without its query. */
  answer(method: string, path: string, where: 'beside-users' | 'apart' = 'beside-users'): Promise<Outcome> | undefined {
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    if (path === IDENTITY_PATH) return Promise.resolve(json(200, this.identity()));
    if (path === this.#paths.warmUp)
      return this.#warmUp && this.#warm().then(({ states, failing }) => json(failing.length === 0 ? 200 : 503, states));
    if (where === 'beside-users' && this.#options.endpoints === 'apart') return undefined;
    switch (path) {
      case this.#paths.ready:
        return this.#ready();
      case this.#paths.metrics:
        return this.#metrics();
      default:
        return undefined;
    }
  }

  /** Not ready from now on; what is open goes on. */
  beginDrain(): void {
    this.#draining.abort(new Error('the instance is draining'));
  }

  /** Resolves when nothing is open. */
  async idle(): Promise<void> {
    while (this.#open > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #begin(): () => void {
    this.#open += 1;
    return () => {
      this.#open -= 1;
      if (this.#open === 0) for (const resolve of this.#idle.splice(0)) resolve();
    };
  }

  async #warm(): Promise<{ readonly states: object; readonly failing: readonly string[] }> {
    const states = await this.#warmUp?.run();
    if (states === undefined) return { states: {}, failing: [] };
    if (isWarm(states)) this.#isWarm = this.#hasPassed = true;
    return { states, failing: Object.entries(states).flatMap(([name, state]) => (state === 'ok' ? [] : [name])) };
  }

  /** Who asks whether it is ready warms it: an instance that an autoscaler adds has no controller that would. */
  async #ready(): Promise<Outcome> {
    if (!this.#hasPassed && !this.draining.aborted) await this.#warm();
    return json(this.isReady ? 200 : 503, { ready: this.isReady });
  }

  async #metrics(): Promise<Outcome> {
    const bytes = Buffer.from(await this.metrics.text());
    return { status: 200, headers: { ...NO_STORE, 'content-type': this.metrics.contentType }, body: { kind: 'bytes', bytes } };
  }
}

const NO_STORE = { 'cache-control': 'no-store' };

function json(status: number, body: object): Outcome {
  const bytes = Buffer.from(JSON.stringify(body));
  return { status, headers: { ...NO_STORE, 'content-type': 'application/json' }, body: { kind: 'bytes', bytes } };
}
