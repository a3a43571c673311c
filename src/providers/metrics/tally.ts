/** The cursor while it is worked on: sums by measure, scope and replica. Maps, because a replica may be called `constructor`. */
import type { Instant } from '../../domain/words.js';
import type { Scope } from './belonging.js';
import { sum, zeros, type Vector } from './counters.js';
import type { CountingCursor, MeasureSums, ProcessSeen } from './cursor.js';

interface MeasureTally {
  upTo: Instant | undefined;
  boundsMs: Vector | undefined;
  readonly sums: ReadonlyMap<Scope, Map<string, Vector>>;
}

const SCOPES: readonly Scope[] = ['stable', 'candidate', 'service'];

export class Tally {
  readonly began: Instant;
  /** Last value of each child, by its key. */
  readonly last: Map<string, Vector>;
  /** Falls of counters since the step began. */
  resets: number;
  /** Addresses whose counters fell in this look. */
  readonly fell = new Set<string>();
  readonly #measures: Map<string, MeasureTally>;

  constructor(cursor: CountingCursor) {
    this.began = cursor.began;
    this.last = new Map(Object.entries(cursor.last));
    this.resets = cursor.resets;
    this.#measures = new Map(Object.entries(cursor.measures).map(([key, sums]) => [key, tallyOf(sums)]));
  }

  measure(key: string): MeasureTally {
    let found = this.#measures.get(key);
    if (found === undefined) this.#measures.set(key, (found = tallyOf({ sums: {} })));
    return found;
  }

  add(key: string, scope: Scope, replica: string, by: Vector): void {
    const sums = this.measure(key).sums.get(scope);
    sums?.set(replica, sum(by, sums.get(replica) ?? zeros(by.length)));
  }

  noteFalls(address: string, falls: number): void {
    if (falls === 0) return;
    this.resets += falls;
    this.fell.add(address);
  }

  /** A process began again: whatever its counters show from now on has happened since. */
  beginAgain(address: string): void {
    this.resets++;
    for (const [key, value] of this.last) {
      if (key.startsWith(`${address}/`)) this.last.set(key, zeros(value.length));
    }
  }

  byReplica(key: string, scope: Scope): ReadonlyMap<string, Vector> {
    return this.measure(key).sums.get(scope) ?? new Map<string, Vector>();
  }

  total(key: string, scope: Scope): Vector {
    const { boundsMs } = this.measure(key);
    const nothing = zeros(boundsMs === undefined ? 1 : boundsMs.length + 1);
    return [...this.byReplica(key, scope).values()].reduce(sum, nothing);
  }

  toCursor(processes: Readonly<Record<string, ProcessSeen>>): CountingCursor {
    return {
      format: 1,
      began: this.began,
      measures: Object.fromEntries([...this.#measures].map(([key, tally]) => [key, sumsOf(tally)])),
      last: Object.fromEntries(this.last),
      processes,
      resets: this.resets,
    };
  }
}

function tallyOf({ upTo, boundsMs, sums }: MeasureSums): MeasureTally {
  return { upTo, boundsMs, sums: new Map(SCOPES.map((scope) => [scope, new Map(Object.entries(sums[scope] ?? {}))])) };
}

function sumsOf({ upTo, boundsMs, sums }: MeasureTally): MeasureSums {
  return {
    ...(upTo === undefined ? {} : { upTo }),
    ...(boundsMs === undefined ? {} : { boundsMs }),
    sums: Object.fromEntries(
      [...sums].filter(([, replicas]) => replicas.size > 0).map(([scope, replicas]) => [scope, Object.fromEntries(replicas)]),
    ),
  };
}
