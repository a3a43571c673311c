/**
 * Whatever a team already has, as a traffic router: seven commands, of which two may be missing (`protocol.ts`).
 *
 * The rules of admission are the adapter's: it reads, decides as for every router, and asks for a write only when it may take
 * effect. What it cannot know is what happens between its reading and the platform's writing. So every call has a deadline:
 * a command is not begun after it, is told it (`notAfter`), and is killed at it, with everything that it started.
 *
 * **Fencing.** A platform that remembers revoked ramps and refuses their writes by itself may say `fencing: revocation`, one that
 * compares with `found` when it writes `compare-and-set`. For all others (`re-assert`) a write that was under way when the
 * ramp was revoked may still land after it, until its deadline and the propagation bound have passed. `confirm` therefore
 * answers `pending` to a rollback for so long, and revokes again whenever it reads that users are on the candidate after all.
 * The rollback itself waits for none of this (I5); what waits is the claim that it is final (I11).
 */
import type { RouteIntent, RouterCapabilities, RouteState } from '../../../domain/route.js';
import type { Ramp, Revision, Target } from '../../../domain/words.js';
import { permanent } from '../../errors.js';
import type { Inflight, ProbeRecipe, Receipt, TrafficRouter } from '../../ports.js';
import { admit, admitFinalise, checkIntent, checkLease, checkRamp } from '../admission.js';
import { Deadline } from '../slots/deadline.js';
import { judgeReadBack, type Confirmation } from '../read-back.js';
import { Serial } from '../serial.js';
import { capabilitiesOf, type ExecCommands } from './capabilities.js';
import { Finality } from './finality.js';
import { CONFIRMED, COUNTED, RENEWED, REVOKED, WRITTEN, check, interpretRead, standing, type ReadAnswer } from './protocol.js';
import { runCommand } from './run-command.js';

export interface ExecRouterOptions {
  readonly commands: ExecCommands;
  /** Longest time of one command, in milliseconds; 10,000 unless told. A write is two commands. */
  readonly timeoutMs?: number;
  /** What the platform can do; what is absent is taken to be the least. */
  readonly capabilities?: Partial<RouterCapabilities>;
  /** How to reach one revision past the weights; without it there are no probes. */
  readonly probe?: {
    readonly url: string;
    /** `{revision}` stands for the revision's id. */
    readonly headers?: Readonly<Record<string, string>>;
    /** Response header that names the revision that answered. */
    readonly answeredBy: string;
  };
}

type Operation = keyof ExecCommands;

export class ExecRouter implements TrafficRouter {
  readonly #options: ExecRouterOptions;
  readonly #capabilities: RouterCapabilities;
  readonly #timeoutMs: number;
  readonly #serial = new Serial();
  /** Undefined where the platform fences by itself. */
  readonly #finality: Finality | undefined;

  constructor(options: ExecRouterOptions) {
    this.#options = options;
    this.#capabilities = capabilitiesOf(options.capabilities ?? {}, options.commands);
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    const { fencing, propagationBoundS } = this.#capabilities;
    this.#finality = fencing === 're-assert' ? new Finality(this.#callMs + propagationBoundS * 1_000) : undefined;
  }

  describe(): Promise<RouterCapabilities> {
    return Promise.resolve(this.#capabilities);
  }

  async read(target: Target): Promise<RouteState> {
    return (await this.#read(target, undefined, this.#deadline('read', target))).route;
  }

  async apply(target: Target, intent: RouteIntent, leaseMs: number): Promise<Receipt> {
    checkIntent(intent, this.#capabilities.stepBp);
    checkLease(leaseMs);
    return this.#oneByOne(target, async () => {
      const deadline = this.#deadline('apply', target);
      const read = await this.#read(target, intent.ramp.id, deadline);
      const admission = admit(standing(read, intent), intent);
      switch (admission.kind) {
        case 'claim':
        case 'write':
        case 'settle': {
          const output = await this.#run(
            'apply',
            target,
            { intent, leaseMs, found: seen(read), admission: admission.kind },
            deadline,
          );
          const { kind } = check(WRITTEN, output, deadline.what);
          return receipt(admission.kind === 'settle' && kind === 'applied' ? 'revoked' : kind, intent);
        }
        case 'repeat':
          return receipt('applied', intent);
        case 'superseded':
        case 'revoked':
          return receipt(admission.kind, intent);
        case 'lapsed':
          await this.#revoke(target, intent.ramp);
          return receipt('revoked', intent);
        case 'refused':
          throw admission.error;
      }
    });
  }

  async revoke(target: Target, ramp: Ramp): Promise<Receipt> {
    checkRamp(ramp);
    // Waits for nothing, not even for a write of this process (I5).
    await this.#revoke(target, ramp);
    return { kind: 'revoked', ramp: ramp.id, sequence: 0 };
  }

  async finalise(target: Target, intent: RouteIntent): Promise<Receipt> {
    checkIntent(intent, this.#capabilities.stepBp);
    return this.#oneByOne(target, async () => {
      const deadline = this.#deadline('finalise', target);
      const read = await this.#read(target, intent.ramp.id, deadline);
      const admission = admitFinalise(standing(read, intent), intent, false);
      switch (admission.kind) {
        case 'promote': {
          const output = await this.#run('finalise', target, { intent, found: seen(read) }, deadline);
          return receipt(check(WRITTEN, output, deadline.what).kind, intent);
        }
        case 'repeat':
          return receipt('applied', intent);
        case 'superseded':
        case 'revoked':
          return receipt(admission.kind, intent);
        case 'lapsed':
          await this.#revoke(target, intent.ramp);
          return receipt('revoked', intent);
        case 'refused':
          throw admission.error;
      }
    });
  }

  async confirm(target: Target, receipt: Receipt): Promise<Confirmation> {
    const deadline = this.#deadline('confirm', target);
    const read = await this.#read(target, receipt.ramp, deadline);
    const finality = receipt.kind === 'revoked' ? this.#finality?.judge(receipt.ramp, read) : 'final';
    if (finality === 'overwritten') await this.#revoke(target, { id: receipt.ramp });
    if (finality === 'overwritten' || finality === 'under-way') return 'pending';
    const readBack = judgeReadBack(read, receipt);
    if (readBack !== 'converged') return readBack;
    return check(CONFIRMED, await this.#run('confirm', target, { receipt }, deadline), deadline.what).state;
  }

  async renew(target: Target, ramp: Ramp, leaseMs: number): Promise<'renewed' | 'lapsed' | 'revoked'> {
    checkRamp(ramp);
    checkLease(leaseMs);
    const deadline = this.#deadline('renew', target);
    const { route, revoked } = await this.#read(target, ramp.id, deadline);
    if (revoked) return 'revoked';
    if (route.ramp?.id !== ramp.id || route.lease !== 'live') return 'lapsed';
    // A platform without leases has nothing to prolong.
    if (!this.#capabilities.lease) return 'renewed';
    return check(RENEWED, await this.#run('renew', target, { ramp, leaseMs }, deadline), deadline.what).renewal;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a rejection, not a throw, when something is missing
  async probe(_: Target, revision: Revision): Promise<ProbeRecipe> {
    const { probe } = this.#options;
    if (probe === undefined)
      throw permanent('the exec connection has no "probe": pinned probes need its url, headers and answeredBy');
    const headers = Object.entries(probe.headers ?? {}).map(([name, value]): [string, string] => [
      name,
      value.replaceAll('{revision}', revision.id),
    ]);
    return {
      url: probe.url.replace(/\/$/, ''),
      headers: Object.fromEntries(headers),
      answeredBy: { header: probe.answeredBy, value: revision.id },
    };
  }

  async inflight(target: Target, revision: Revision): Promise<Inflight> {
    if (this.#options.commands.inflight === undefined) return { active: undefined, liveServers: undefined, at: Date.now() };
    const deadline = this.#deadline('inflight', target);
    const { active, liveServers, at } = check(
      COUNTED,
      await this.#run('inflight', target, { revision }, deadline),
      deadline.what,
    );
    return { active: active ?? undefined, liveServers: liveServers ?? undefined, at: at ?? Date.now() };
  }

  async #revoke(target: Target, ramp: Pick<Ramp, 'id'>): Promise<void> {
    const deadline = this.#deadline('revoke', target);
    check(REVOKED, await this.#run('revoke', target, { ramp }, deadline), deadline.what);
    this.#finality?.revoked(ramp.id);
  }

  async #read(target: Target, ramp: string | undefined, deadline: Deadline): Promise<ReadAnswer> {
    return interpretRead(
      await this.#run('read', target, { ramp: ramp ?? null }, deadline),
      ramp,
      this.#capabilities,
      Date.now(),
      deadline.what,
    );
  }

  async #run(operation: Operation, target: Target, more: object, deadline: Deadline): Promise<unknown> {
    const command = this.#options.commands[operation];
    if (command === undefined) throw permanent(`${deadline.what}: the exec connection has no command "${operation}"`);
    // A process that was stopped between reading and writing must find that its time is over.
    deadline.check();
    const timeoutMs = Math.min(this.#timeoutMs, deadline.leftMs());
    const { service, environment } = target;
    const input = {
      protocol: 1,
      operation,
      target: { service, environment },
      notAfter: Math.floor(Date.now() + timeoutMs),
      ...more,
    };
    return runCommand(command, input, timeoutMs, deadline.what);
  }

  /** Between processes the deadline does this. */
  #oneByOne<T>(target: Target, task: () => Promise<T>): Promise<T> {
    return this.#serial.run(`${target.environment}/${target.service}`, task);
  }

  /** Reading and then writing. */
  get #callMs(): number {
    return 2 * this.#timeoutMs;
  }

  #deadline(call: Operation, target: Target): Deadline {
    return new Deadline(this.#callMs, `exec, ${call} of "${target.service}"`);
  }
}

function seen({ route }: ReadAnswer): object {
  return { ramp: route.ramp?.id ?? null, sequence: route.sequence };
}

function receipt(kind: Receipt['kind'], intent: RouteIntent): Receipt {
  return { kind, ramp: intent.ramp.id, sequence: intent.sequence };
}
