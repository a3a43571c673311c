/** Small fakes for the ports: each records what was asked and answers what the test has set. */
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ActivityMetrics, Dependencies, Judge, Log, Tools } from '../../src/activities/dependencies.js';
import { redactor } from '../../src/activities/redact.js';
import type { Where } from '../../src/contract/activities.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import type { StepPolicy } from '../../src/domain/policy.js';
import type { Cursor, Reading } from '../../src/domain/reading.js';
import type { ReleaseRecord } from '../../src/domain/release-record.js';
import type { RouteIntent, RouterCapabilities, RouteState } from '../../src/domain/route.js';
import type { GateVerdict, Verdict, VerdictReason } from '../../src/domain/verdict.js';
import type { Ramp, Revision, Target } from '../../src/domain/words.js';
import type {
  LookedBack,
  MeasuredPair,
  CapacityController,
  CapacityState,
  Inflight,
  MetricSource,
  Notice,
  Notifier,
  Observation,
  Ports,
  ProbeRecipe,
  QueueController,
  QueueDirective,
  Receipt,
  TrafficRouter,
} from '../../src/providers/ports.js';
import { permanent } from '../../src/providers/errors.js';
import { SimulatedClock } from './simulated-clock.js';

export const TARGET: Target = { service: 'answer-api', environment: 'test' };
export const OWNER = 'rollout/test/answer-api';
export const STABLE: Revision = { id: 'blue', release: 'r1', slot: 'blue' };
export const CANDIDATE: Revision = { id: 'green', release: 'r2', slot: 'green' };
export const RAMP: Ramp = { id: 'r2~00000001', epoch: 1, owner: OWNER };
export const WHERE: Where = { rollout: OWNER, target: TARGET, connections: { router: 'edge', metrics: ['prom'], notify: [] } };

export const CAPABILITIES: RouterCapabilities = {
  stepBp: 1,
  split: 'hash',
  fencing: 'revocation',
  lease: true,
  pin: 'header',
  pinMiss: 'fails',
  sticky: 'key-hash',
  drain: 'counted',
  streamsSurvive: true,
  echo: true,
  replicas: 1,
  propagationBoundS: 1,
};

export const POLICY: StepPolicy = {
  gates: [{ gate: 'errors', mode: 'sequential', tolerance: 0.0005, required: false, consecutive: 3 }],
  alpha: 0.01,
  beta: 0.05,
  minimumRequests: 50,
  staleMs: 15_000,
  badRequestsBudget: 'auto',
  weightBp: 500,
  soakMs: 60_000,
  judgedSteps: 5,
  earlierEntries: 0,
  next: { weightBp: 2_500, soakMs: 60_000 },
};

export const PLAN: RolloutPlan = {
  target: TARGET,
  candidate: CANDIDATE,
  profile: 'standard',
  rehearsal: false,
  production: false,
  connections: WHERE.connections,
  steps: [
    { weightBp: 100, soakMs: 60_000, soakMaxMs: 600_000 },
    { weightBp: 10_000, soakMs: 60_000, soakMaxMs: 600_000 },
  ],
  judge: { gates: POLICY.gates, alpha: 0.01, beta: 0.05, minimumRequests: 50, staleMs: 15_000, badRequestsBudget: 'auto' },
  tickMs: 5_000,
  leaseMs: 30_000,
  bucketMs: 300_000,
  sticky: true,
  approvals: [],
  limits: {
    approvalMs: 1,
    pauseMs: 1,
    inconclusiveMs: 1,
    idleMs: 1,
    blindMs: 1,
    foreignRouteMs: 1,
    schemaHoldMs: 1,
    frozenMs: 1,
  },
  retry: { max: 1, coolOffMs: 1_000, total: 4 },
  idleThen: 'hold',
  changeWindows: [],
  warmUp: { holdMs: 0, timeoutMs: 60_000 },
  probes: { path: '/healthz', count: 20, maxFailures: 3 },
  drain: { minMs: 60_000, ceilingMs: 900_000 },
  pauseBatchUpToBp: 2_500,
  keepStableMs: 3_600_000,
  digest: 'digest',
};

export function intent(overrides: Partial<RouteIntent> = {}): RouteIntent {
  return { stable: STABLE, candidate: CANDIDATE, candidateBp: 500, ramp: RAMP, sequence: 2, sticky: true, ...overrides };
}

type Answer<T> = T | Error | ((call: number) => T | Promise<T>);

/** A script for one method: how often it was called, and what it says. */
async function say<T>(answer: Answer<T>, call: number): Promise<T> {
  if (answer instanceof Error) throw answer;
  return typeof answer === 'function' ? (answer as (call: number) => T | Promise<T>)(call) : answer;
}

/** A hang that nothing ends: the worst source there is. */
export const hang = (): Promise<never> => new Promise(() => undefined);

export class FakeRouter implements TrafficRouter {
  readonly calls: string[] = [];
  readonly applied: RouteIntent[] = [];
  route: RouteState;
  onRead: Answer<RouteState> | undefined;
  onApply: Answer<Receipt> | undefined;
  onRevoke: Answer<Receipt>;
  onFinalise: Answer<Receipt>;
  onConfirm: Answer<'pending' | 'converged' | 'superseded' | 'failed'> = 'converged';
  onRenew: Answer<'renewed' | 'lapsed' | 'revoked'> = 'renewed';
  onInflight: Answer<Inflight> = { active: 0, liveServers: 1, at: 0 };
  onDescribe: Answer<RouterCapabilities> = CAPABILITIES;
  onProbe: Answer<ProbeRecipe> | undefined;

  constructor(readonly clock: SimulatedClock) {
    this.route = {
      stable: STABLE,
      candidate: CANDIDATE,
      effectiveBp: 500,
      candidateBp: 500,
      ramp: RAMP,
      sequence: 2,
      lease: 'live',
      epoch: 1,
      at: 0,
    };
    this.onRevoke = { kind: 'revoked', ramp: RAMP.id, sequence: 2 };
    this.onFinalise = { kind: 'applied', ramp: RAMP.id, sequence: 2 };
  }

  times(call: string): number {
    return this.calls.filter((name) => name === call).length;
  }

  describe(): Promise<RouterCapabilities> {
    return say(this.onDescribe, this.#called('describe'));
  }
  read(): Promise<RouteState> {
    return say(this.onRead ?? { ...this.route, at: this.clock.monotonicMs() }, this.#called('read'));
  }
  apply(_target: Target, wanted: RouteIntent): Promise<Receipt> {
    this.applied.push(wanted);
    return say(this.onApply ?? { kind: 'applied', ramp: wanted.ramp.id, sequence: wanted.sequence }, this.#called('apply'));
  }
  revoke(): Promise<Receipt> {
    return say(this.onRevoke, this.#called('revoke'));
  }
  finalise(): Promise<Receipt> {
    return say(this.onFinalise, this.#called('finalise'));
  }
  confirm(): Promise<'pending' | 'converged' | 'superseded' | 'failed'> {
    return say(this.onConfirm, this.#called('confirm'));
  }
  renew(): Promise<'renewed' | 'lapsed' | 'revoked'> {
    return say(this.onRenew, this.#called('renew'));
  }
  probe(_target: Target, revision: Revision): Promise<ProbeRecipe> {
    return say(
      this.onProbe ?? {
        url: `http://${revision.id}.test`,
        headers: { 'X-Release': revision.id },
        answeredBy: { header: 'x-revision', value: revision.id },
      },
      this.#called('probe'),
    );
  }
  inflight(): Promise<Inflight> {
    return say(this.onInflight, this.#called('inflight'));
  }

  #called(name: string): number {
    this.calls.push(name);
    return this.times(name);
  }
}

export class FakeSource implements MetricSource {
  readonly cursors: Cursor[] = [];
  signals: readonly (keyof Reading)[] = ['errors'];
  sameInstant = true;
  onRead: Answer<Reading> = {};
  absent: readonly string[] = [];

  describe(): Promise<{ readonly signals: readonly (keyof Reading)[]; readonly sameInstant: boolean }> {
    return Promise.resolve({ signals: this.signals, sameInstant: this.sameInstant });
  }
  readonly pairs: MeasuredPair[] = [];
  async read(_target: Target, pair: MeasuredPair, cursor: Cursor): Promise<Observation> {
    this.cursors.push(cursor);
    this.pairs.push(pair);
    const call = this.cursors.length;
    return { reading: await say(this.onRead, call), cursor: call, absent: this.absent };
  }
}

/** A source that can look back: all at once, or a reading a call. */
export class RememberingSource extends FakeSource {
  lookedBack = 0;
  constructor(readonly onLookBack: Answer<LookedBack>) {
    super();
  }
  lookBack(): Promise<LookedBack> {
    this.lookedBack += 1;
    return say(this.onLookBack, this.lookedBack);
  }
}

/** Counts since the step began, as a healthy source gives them. */
export function errors(
  elapsedMs: number,
  stable: readonly [number, number],
  candidate: readonly [number, number],
  ageMs = 0,
): Reading {
  return {
    errors: {
      at: elapsedMs,
      ageMs,
      elapsedMs,
      value: { stable: { requests: stable[0], bad: stable[1] }, candidate: { requests: candidate[0], bad: candidate[1] } },
    },
  };
}

export function verdict(kind: Verdict, reason: VerdictReason, more: Partial<GateVerdict> = {}): GateVerdict {
  return {
    gate: 'errors',
    verdict: kind,
    reason,
    decisive: true,
    gross: false,
    figures: {},
    sentence: `${kind}: ${reason}`,
    ...more,
  };
}

/** Says what its function says; its evidence counts the ticks judged. */
export class ScriptedJudge implements Judge {
  readonly readings: Reading[] = [];
  constructor(readonly script: (tick: number, reading: Reading) => readonly GateVerdict[]) {}
  openEvidence(): number {
    return 0;
  }
  learn(): number {
    return 0;
  }
  judge(_policy: StepPolicy, evidence: unknown, reading: Reading): { verdicts: readonly GateVerdict[]; evidence: number } {
    this.readings.push(reading);
    const tick = Number(evidence) + 1;
    return { verdicts: this.script(tick, reading), evidence: tick };
  }
}

export class FakeCapacity implements CapacityController {
  readonly calls: string[] = [];
  onEnsure: Answer<CapacityState> = { kind: 'ready', units: 3 };
  onUnits: Answer<number> = 4;
  units(): Promise<number> {
    return say(this.onUnits, 0);
  }
  ensure(_target: Target, revision: Revision, units: number): Promise<CapacityState> {
    this.calls.push(`ensure ${revision.id} ${units}`);
    return say(this.onEnsure, this.calls.length);
  }
  holdFloor(_target: Target, revision: Revision, units: number): Promise<void> {
    this.calls.push(`floor ${revision.id} ${units}`);
    return Promise.resolve();
  }
  release(_target: Target, revision: Revision): Promise<void> {
    this.calls.push(`release ${revision.id}`);
    return Promise.resolve();
  }
}

export class FakeNotifier implements Notifier {
  readonly sent: { notice: Notice; id: string }[] = [];
  failure: Error | undefined;
  send(notice: Notice, id: string): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.sent.push({ notice, id });
    return Promise.resolve();
  }
}

export class FakeQueues implements QueueController {
  readonly directives: QueueDirective[] = [];
  stored: number | Error = 0;
  /** What the store holds; an error: it is away. */
  held: ReleaseRecord | Error | undefined;

  record(): Promise<ReleaseRecord | undefined> {
    return this.held instanceof Error ? Promise.reject(this.held) : Promise.resolve(this.held);
  }

  epoch(): Promise<number> {
    return this.stored instanceof Error ? Promise.reject(this.stored) : Promise.resolve(this.stored);
  }

  direct(_target: Target, directive: QueueDirective): Promise<void> {
    this.directives.push(directive);
    return Promise.resolve();
  }
}

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Counts by name, so that a test can ask. */
export class CountedMetrics implements ActivityMetrics {
  readonly seen: string[] = [];
  tickJudged(_subject: unknown, verdict: Verdict): void {
    this.seen.push(`tick ${verdict}`);
  }
  gateJudged(): void {
    this.seen.push('gate');
  }
  routeWritten(_subject: unknown, write: string, outcome: string): void {
    this.seen.push(`${write} ${outcome}`);
  }
  revoked(_subject: unknown, why: string): void {
    this.seen.push(`revoked by ${why}`);
  }
  leaseRenewed(_subject: unknown, outcome: string): void {
    this.seen.push(`lease ${outcome}`);
  }
}

/** Everything that an activity under test needs, with one of each. */
export class Stage {
  readonly clock = new SimulatedClock();
  refusedByPlatform: (plan: RolloutPlan) => readonly string[] = () => [];
  readonly router = new FakeRouter(this.clock);
  readonly source = new FakeSource();
  readonly sources: Record<string, FakeSource> = { prom: this.source };
  readonly capacity = new FakeCapacity();
  readonly notifiers: Record<string, FakeNotifier> = { hook: new FakeNotifier(), chat: new FakeNotifier() };
  readonly queues = new FakeQueues();
  readonly metrics = new CountedMetrics();
  readonly running = new Set<string>();
  judge: Judge = new ScriptedJudge(() => [verdict('inconclusive', 'soaking')]);
  onFetch: (url: URL, headers: Headers) => Response | Promise<Response> = () => new Response('{}');

  get ports(): Ports {
    const named = <T>(kind: string, known: Readonly<Record<string, T>>, name: string): T => {
      const one = known[name];
      if (one === undefined) throw permanent(`unknown ${kind} "${name}"; known: ${Object.keys(known).join(', ')}`);
      return one;
    };
    return {
      router: (name) => named('router', { edge: this.router }, name),
      metrics: (name) => named('metrics', this.sources, name),
      capacity: (name) => named('capacity', { autoscaler: this.capacity }, name),
      queues: (name) => named('queues', { jobs: this.queues }, name),
      notifier: (name) => named('notifier', this.notifiers, name),
    };
  }

  get dependencies(): Dependencies & { judge: Judge } {
    return {
      logger: silent,
      metrics: this.metrics,
      clock: this.clock,
      judge: this.judge,
      fetch: async (input, init) =>
        this.onFetch(new URL(input instanceof Request ? input.url : input), new Headers(init?.headers)),
      neighbourhood: {
        routes: () => Promise.resolve([{ router: 'edge', target: TARGET }]),
        isRunning: (id) => Promise.resolve(this.running.has(id)),
      },
      refusedByPlatform: this.refusedByPlatform,
      redact: redactor(['s3cr3t-token']),
    };
  }

  get tools(): Tools {
    return { ...this.dependencies, ports: this.ports };
  }

  /** An answer that says who gave it. */
  answer(status: number, body: unknown = {}, by = CANDIDATE.id): Response {
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers: { 'x-revision': by } });
  }
}

/** As a Temporal worker would run it; heartbeats are kept. */
export class Attempt {
  readonly heartbeats: unknown[] = [];
  readonly environment: MockActivityEnvironment;

  constructor(info: Partial<MockActivityEnvironment['context']['info']> = {}) {
    this.environment = new MockActivityEnvironment({ startToCloseTimeoutMs: 600_000, ...info });
    this.environment.on('heartbeat', (details: unknown) => this.heartbeats.push(structuredClone(details)));
  }

  run<Input extends unknown[], Output>(activity: (...input: Input) => Promise<Output>, ...input: Input): Promise<Output> {
    return this.environment.run(activity as (...input: unknown[]) => Promise<Output>, ...input);
  }
}
