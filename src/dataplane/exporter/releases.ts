/**
 * Which series exist: by service, slot and release. Cardinality is bounded in each of the three, whatever the log says: a
 * release that left its slot is forgotten after a while, and names beyond the caps are not counted.
 */

export interface ReleaseKey {
  readonly service: string;
  readonly slot: string;
  /** Empty: not known. */
  readonly release: string;
}

export interface ReleaseLimits {
  /** A release that another one followed in its slot goes when it has not been seen for so long, in milliseconds. */
  readonly retireAfterMs: number;
  readonly releasesPerSlot: number;
  readonly slotsPerService: number;
  /** Services that the configuration does not name. */
  readonly unknownServices: number;
}

interface Slot {
  /** Release → when it was last seen. */
  readonly releases: Map<string, number>;
  readonly configured: boolean;
}

/** The release under which a configured slot exists from the start: it tells a source that the slot is known. Never retired. */
const UNKNOWN = '';

export class Releases {
  readonly #services = new Map<string, Map<string, Slot>>();
  #unknown = 0;

  constructor(
    private readonly limits: ReleaseLimits,
    private readonly born: (key: ReleaseKey) => void,
    private readonly gone: (key: ReleaseKey) => void,
  ) {}

  /** Makes a configured slot's series exist. */
  declare(service: string, slot: string): void {
    const slots = this.#services.get(service) ?? new Map<string, Slot>();
    this.#services.set(service, slots);
    slots.set(slot, { releases: new Map([[UNKNOWN, 0]]), configured: true });
    this.born({ service, slot, release: UNKNOWN });
  }

  /** False for a service over the cap. */
  admits(service: string): boolean {
    if (this.#services.has(service)) return true;
    if (this.#unknown >= this.limits.unknownServices) return false;
    this.#unknown++;
    this.#services.set(service, new Map());
    return true;
  }

  /** Makes sure that the release's series exist; false when a cap forbids it. `nowMs` is monotonic. */
  note({ service, slot, release }: ReleaseKey, nowMs: number): boolean {
    if (!this.admits(service)) return false;
    const slots = this.#services.get(service);
    let found = slots?.get(slot);
    if (found === undefined) {
      if (slots === undefined || slots.size >= this.limits.slotsPerService) return false;
      slots.set(slot, (found = { releases: new Map(), configured: false }));
    }
    const isNew = !found.releases.has(release);
    if (isNew) this.born({ service, slot, release });
    found.releases.set(release, nowMs);
    if (isNew) this.#retire(service, slot, found, nowMs);
    return true;
  }

  /** Forgets releases that are long gone. The newest of each slot stays, however idle. */
  sweep(nowMs: number): void {
    for (const [service, slots] of this.#services) for (const [slot, one] of slots) this.#retire(service, slot, one, nowMs);
  }

  #retire(service: string, slot: string, { releases, configured }: Slot, nowMs: number): void {
    const oldestFirst = [...releases].filter(([release]) => !(configured && release === UNKNOWN)).sort(([, a], [, b]) => a - b);
    oldestFirst.pop();
    const excess = oldestFirst.length + 1 - this.limits.releasesPerSlot;
    for (const [index, [release, seen]] of oldestFirst.entries()) {
      if (index >= excess && nowMs - seen <= this.limits.retireAfterMs) continue;
      releases.delete(release);
      this.gone({ service, slot, release });
    }
  }
}
