/**
 * The smallest platform behind the exec router: one JSON file, and a lock. `node exec-driver.mjs <file>`; the operation stands
 * in the input. Its clock is `now`. `losing` in the file: the operation is carried out, and the exit code says that it is not known.
 */
import { mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';

const file = process.argv[2];
const input = JSON.parse(readFileSync(0, 'utf8'));
const wait = new Int32Array(new SharedArrayBuffer(4));

function locked(act) {
  for (;;) {
    try {
      mkdirSync(`${file}.lock`);
      break;
    } catch {
      Atomics.wait(wait, 0, 0, 5);
    }
  }
  try {
    const state = JSON.parse(readFileSync(file, 'utf8'));
    const before = JSON.stringify(state);
    const answer = act(state, state.now);
    if (JSON.stringify(state) !== before) {
      writeFileSync(`${file}.new`, JSON.stringify(state));
      renameSync(`${file}.new`, file);
    }
    return { answer, isLosing: state.losing && input.operation !== 'read' };
  } finally {
    rmdirSync(`${file}.lock`);
  }
}

const leaseOf = (state, now) =>
  state.live === null
    ? 'none'
    : state.live in state.revoked
      ? 'revoked'
      : state.route !== null && now < state.leaseUntil
        ? 'live'
        : 'lapsed';

const OPERATIONS = {
  read: (state, now) => {
    const { route, live, claims, revoked } = state;
    const asked =
      input.ramp === null ? undefined : { revoked: input.ramp in revoked, ...claims[input.ramp], ...revoked[input.ramp] };
    return {
      stable: state.stable,
      candidate: route?.candidate ?? null,
      candidateBp: route?.candidateBp ?? 0,
      sticky: route?.sticky,
      ramp: live === null ? null : { id: live, ...claims[live] },
      sequence: route?.sequence ?? revoked[live]?.finalisedAt ?? 0,
      lease: leaseOf(state, now),
      at: now,
      asked,
    };
  },
  apply: (state, now) => {
    const { intent, leaseMs, admission } = input;
    const { stable, candidate, candidateBp, ramp, sequence, sticky } = intent;
    if (admission !== 'settle' && ramp.id in state.revoked) return { kind: 'revoked' };
    if (state.live !== null && state.claims[state.live].epoch > ramp.epoch) return { kind: 'superseded' };
    state.claims[ramp.id] = { epoch: ramp.epoch, owner: ramp.owner };
    state.live = ramp.id;
    state.stable = stable;
    state.route = { candidate, candidateBp, sequence, sticky, ramp: ramp.id };
    if (admission !== 'settle') state.leaseUntil = now + leaseMs;
    return { kind: 'applied' };
  },
  revoke: (state) => {
    state.revoked[input.ramp.id] ??= {};
    return { kind: 'revoked' };
  },
  finalise: (state) => {
    const { candidate, ramp, sequence, sticky } = input.intent;
    if (ramp.id in state.revoked) return { kind: 'revoked' };
    state.stable = candidate;
    state.revoked[ramp.id] = { finalisedAt: sequence };
    state.route = { candidate, candidateBp: 0, sequence, sticky, ramp: ramp.id };
    return { kind: 'applied' };
  },
  confirm: () => ({ state: 'converged' }),
  renew: (state, now) => {
    if (input.ramp.id in state.revoked) return { renewal: 'revoked' };
    if (state.live !== input.ramp.id || leaseOf(state, now) !== 'live') return { renewal: 'lapsed' };
    state.leaseUntil = Math.max(state.leaseUntil, now + input.leaseMs);
    return { renewal: 'renewed' };
  },
  inflight: (state, now) => ({ active: state.open[input.revision.id] ?? 0, liveServers: 1, at: now }),
};

const { answer, isLosing } = locked(OPERATIONS[input.operation]);
process.stdout.write(JSON.stringify(answer));
if (isLosing) process.exitCode = 75;
