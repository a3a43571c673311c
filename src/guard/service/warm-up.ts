/** The warm path: the four dependencies without which a first user waits or fails (R13), touched for real. */

export const WARM_CHECKS = ['cache', 'model', 'secrets', 'vectors'] as const;

/** Each touches the real thing, and throws where it is not there. Direct dependencies only, never another service's readiness (A20). */
export type WarmChecks = Readonly<Record<(typeof WARM_CHECKS)[number], (signal: AbortSignal) => unknown>>;

/** `ok`, or what is wrong. */
export type WarmStates = Readonly<Record<(typeof WARM_CHECKS)[number], string>>;

/** Under the controller's own deadline of 5 s, so that it is told which check hangs. */
const LIMIT_MS = 4_000;

export class WarmUp {
  #running: Promise<WarmStates> | undefined;

  constructor(
    private readonly checks: WarmChecks,
    private readonly limitMs = LIMIT_MS,
  ) {}

  /** Who asks while the checks run gets their answer: asking often must not heap them up. Never rejects. */
  run(): Promise<WarmStates> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<WarmStates> {
    const states = await Promise.all(WARM_CHECKS.map(async (name) => [name, await this.#state(name)] as const));
    return Object.fromEntries(states) as WarmStates;
  }

  async #state(name: keyof WarmChecks): Promise<string> {
    const limit = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => {
        limit.abort(new Error('too late'));
        resolve(`no answer within ${String(this.limitMs)} ms`);
      }, this.limitMs);
    });
    const touched = Promise.resolve(limit.signal)
      .then(this.checks[name])
      .then(
        () => 'ok',
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
    return Promise.race([touched, late]).finally(() => {
      clearTimeout(timer);
    });
  }
}

export const isWarm = (states: WarmStates): boolean => WARM_CHECKS.every((name) => states[name] === 'ok');
