/**
 * The writes, each in the order in which a crash, a reload or another thread's request may come between any two commands and
 * still finds a safe state. Every command checks the call's deadline before it leaves.
 */
import type { RouteIntent } from '../../../domain/route.js';
import type { Instant, Ramp, Revision } from '../../../domain/words.js';
import { transient } from '../../errors.js';
import type { ControlState } from '../slots/control-state.js';
import { Deadline } from '../slots/deadline.js';
import { ROLLED_BACK } from './maps.js';
import { LONGEST_OWNER, LONGEST_RELEASE, encodeWord, slotOf } from '../slots/names.js';
import type { Plane } from './plane.js';
import { writeRoute } from '../slots/route-value.js';

/** Old workers get this long; who does not hear it has its own lease. */
const OLD_WORKERS_MS = 500;
const REVOKE_FILE_MS = 2_000;

/** One call of the port on one service. */
export interface Call {
  readonly plane: Plane;
  readonly service: string;
  readonly deadline: Deadline;
}

/** The map holds whole seconds; rounded up, so that a lease is never shorter than asked for, and less than 1 s longer. */
export const leaseExpiry = (at: Instant, leaseMs: number): string => String(Math.ceil((at + leaseMs) / 1_000));

/**
 * A new ramp: who it belongs to and the releases first, then lease and route under a key that nobody reads yet, and the fence
 * last. The fence is the one command that makes all of it take effect.
 */
export async function claim(call: Call, intent: RouteIntent, expiry: string): Promise<void> {
  const { service, deadline } = call;
  const { runtime, files } = call.plane;
  const { ramp } = intent;
  const info = `${String(ramp.epoch)}:${encodeWord(ramp.owner, LONGEST_OWNER)}`;
  await files.addOnce('ramp-info', ramp.id, info, deadline);
  await runtime.addOnce('ramp-info', ramp.id, info, deadline);
  await writeRelease(call, intent.stable);
  await writeRelease(call, intent.candidate);
  await write(call, intent, expiry);
  await files.put('ramps', service, ramp.id, deadline);
  await runtime.put('ramps', service, ramp.id, deadline);
}

/** The lease first, or the first users of a raised weight would meet none. */
export async function write(call: Call, intent: RouteIntent, expiry: string): Promise<void> {
  await call.plane.runtime.put('leases', intent.ramp.id, expiry, call.deadline);
  await writeWeight(call, intent);
}

/** A router that was never told gets its stable slot; the file first, so that a restart knows it. */
export async function introduce({ plane, service, deadline }: Call, stable: Revision): Promise<void> {
  await plane.files.put('stable', service, slotOf(stable), deadline);
  await plane.runtime.put('stable', service, slotOf(stable), deadline);
}

/**
 * The rollback's whole state on its revoked ramp. Usually only the weight differs; after a finalise that was begun, or done,
 * and then aborted, this puts stable back, for users first and then for restarts (R9, I13).
 */
export async function settle(call: Call, intent: RouteIntent, found: ControlState): Promise<void> {
  await bringBack(call, intent, found);
  await writeWeight(call, intent);
}

/**
 * Runtime first, because this is a rollback and users wait (R9); if HAProxy does not answer, still into the file, so that one
 * that comes back obeys. Late is harmless here, so the file has its own deadline. Repeating it changes nothing.
 */
export async function revoke({ plane, deadline }: Call, ramp: Ramp): Promise<void> {
  const [runtime] = await Promise.allSettled([plane.runtime.addOnce('revoked', ramp.id, ROLLED_BACK, deadline)]);
  const [file] = await Promise.allSettled([
    plane.files.addOnce('revoked', ramp.id, ROLLED_BACK, new Deadline(REVOKE_FILE_MS, deadline.what)),
    plane.oldWorkers?.tell(
      (maps) => maps.addOnce('revoked', ramp.id, ROLLED_BACK, new Deadline(OLD_WORKERS_MS, deadline.what)),
      new Deadline(OLD_WORKERS_MS, deadline.what),
    ),
  ]);
  for (const result of [runtime, file]) if (result.status === 'rejected') throw result.reason;
}

/**
 * Promotion (I13, A25). The files first: a crash after them leaves the old stable serving until a restart, which serves the
 * new one; in the other order a restart would bring the old one back. Then stable before revoked, because HAProxy reads them
 * the other way round: nobody meets "revoked" together with the old stable slot.
 */
export async function promote(call: Call, intent: RouteIntent): Promise<'promoted' | 'revoked'> {
  const { plane, service, deadline } = call;
  const { runtime, files, oldWorkers } = plane;
  const { ramp } = intent;
  const candidate = slotOf(intent.candidate);
  const finalised = `finalised.${String(intent.sequence)}`;
  await files.put('stable', service, candidate, deadline);
  await files.addOnce('revoked', ramp.id, finalised, deadline);
  await writeRelease(call, intent.candidate);
  const before = await plane.control(service, ramp.id, deadline);
  if (before.asked?.revocation.kind === 'rolled-back') return overruled(call, intent, before);
  await runtime.put('stable', service, candidate, deadline);
  await runtime.addOnce('revoked', ramp.id, finalised, deadline);
  await writeWeight(call, { ...intent, candidateBp: 0 });
  await oldWorkers?.tell(async (maps) => {
    const soon = deadline.within(OLD_WORKERS_MS);
    await maps.put('stable', service, candidate, soon);
    await maps.addOnce('revoked', ramp.id, finalised, soon);
  }, deadline.within(OLD_WORKERS_MS));
  const after = await plane.control(service, ramp.id, deadline);
  if (after.asked?.revocation.kind === 'rolled-back') return overruled(call, intent, after);
  if (after.stable !== candidate || after.asked?.revocation.kind !== 'finalised') {
    throw transient(
      `"${service}" was promoted to ${candidate}, but HAProxy reads back ${String(after.stable)}; it may have restarted meanwhile`,
    );
  }
  return 'promoted';
}

/** A rollback came while this promoted: it wins, for users and for restarts. */
async function overruled(call: Call, intent: RouteIntent, found: ControlState): Promise<'revoked'> {
  await bringBack(call, intent, found);
  return 'revoked';
}

async function bringBack({ plane, service, deadline }: Call, intent: RouteIntent, found: ControlState): Promise<void> {
  const stable = slotOf(intent.stable);
  if (found.stable !== stable) await plane.runtime.put('stable', service, stable, deadline);
  await plane.files.put('stable', service, stable, deadline);
}

async function writeWeight({ plane, service, deadline }: Call, intent: RouteIntent): Promise<void> {
  await plane.runtime.put('routes', `${service}/${intent.ramp.id}`, writeRoute(intent), deadline);
}

/** For the log and metrics (R31): which release a slot's requests belong to. */
async function writeRelease({ plane, service, deadline }: Call, revision: Revision): Promise<void> {
  if (revision.release === '') return;
  const key = `${service}/${slotOf(revision)}`;
  const release = encodeWord(revision.release, LONGEST_RELEASE);
  await plane.files.put('releases', key, release, deadline);
  await plane.runtime.put('releases', key, release, deadline);
}
