/**
 * What HAProxy's control endpoint says (`GET /route?svc=<service>`): the runtime state as the serving worker has it, with
 * its clock and its process id. This is the referee's truth about where users go.
 */
import { asRecord } from './workflow-history.js';

export interface RouteSnapshot {
  /** HAProxy's clock, milliseconds since the epoch. */
  readonly at: number;
  /** Of the worker process that answered; another number after a reload or restart. */
  readonly pid: number;
  readonly service: string;
  /** Slot of the stable revision, `none` if the map has none. */
  readonly stable: string;
  /** As stored: `<slot>:<bp>:<sticky>:<ramp>.<sequence>`. */
  readonly route: string;
  /** Epoch seconds, `never`, or `0` when there is none. */
  readonly leaseExpiry: string;
  /** `no`, or what the map of revoked ramps says. */
  readonly revoked: string;
  /** The whole answer, for fields that later versions add. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Reads the endpoint's JSON; throws if it is none. */
export function readSnapshot(json: string): RouteSnapshot {
  const raw = asRecord(JSON.parse(json));
  const snapshot = {
    at: Number(raw['nowMs']),
    pid: Number(raw['pid']),
    service: textOf(raw['service']),
    stable: textOf(raw['stable']),
    route: textOf(raw['route']),
    leaseExpiry: textOf(raw['leaseExpiry']),
    revoked: textOf(raw['revoked']),
    raw,
  };
  if (!Number.isFinite(snapshot.at) || !Number.isInteger(snapshot.pid)) {
    throw new Error(`the control endpoint answered without nowMs or pid: ${json.slice(0, 400)}`);
  }
  return snapshot;
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
