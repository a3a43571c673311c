/** Requests in, pages of metrics out. */
import type { Registry } from 'prom-client';
import { latencyOf, trafficOf } from './classify.js';
import type { LoggedRequest } from './log-line.js';
import { Releases, type ReleaseLimits } from './releases.js';
import { TrafficMetrics } from './traffic-metrics.js';
import { Workers } from './workers.js';

export interface TrafficOptions {
  readonly boundsMs: readonly number[];
  /** Media types whose latency is the time to the first byte (A23). */
  readonly streamed: readonly string[];
  readonly limits: ReleaseLimits;
  readonly monotonicMs: () => number;
}

export class Traffic {
  /** Of nobody: its families are declared on every page, so that a service without a series can be told from no exporter. */
  readonly #nobody: TrafficMetrics;
  readonly #services = new Map<string, TrafficMetrics>();
  readonly #releases: Releases;
  readonly #workers = new Workers();

  constructor(private readonly options: TrafficOptions) {
    this.#nobody = new TrafficMetrics(options.boundsMs);
    this.#releases = new Releases(
      options.limits,
      (key) => {
        this.#of(key.service).born(key);
      },
      (key) => {
        this.#of(key.service).gone(key);
      },
    );
  }

  declare(service: string, slots: readonly string[]): void {
    for (const slot of slots) this.#releases.declare(service, slot);
    this.#of(service).declare(service);
  }

  /** False when a cap on names forbids to count it. */
  record(request: LoggedRequest): boolean {
    const { service, slot = '', release } = request;
    const now = this.options.monotonicMs();
    const worker = this.#workers.note(request.pid, now);
    const traffic = trafficOf(request);
    if (traffic === 'unrouted') {
      if (!this.#releases.admits(service)) return false;
      this.#of(service).unrouted(request);
      return true;
    }
    if (!this.#releases.note({ service, slot, release }, now)) return false;
    if (traffic === 'user') this.#of(service).user(request, latencyOf(request, this.options.streamed), worker);
    else this.#of(service).steered(request, traffic);
    return true;
  }

  sweep(): void {
    this.#releases.sweep(this.options.monotonicMs());
  }

  /** Of these services, or of all. One that is not known has no series. */
  page(services: readonly string[] | undefined): Promise<string> {
    const asked =
      services === undefined
        ? [...this.#services.values()]
        : [...new Set(services)].flatMap((name) => this.#services.get(name) ?? []);
    return together([this.#nobody, ...asked].map(({ registry }) => registry));
  }

  #of(service: string): TrafficMetrics {
    let found = this.#services.get(service);
    if (found === undefined) this.#services.set(service, (found = new TrafficMetrics(this.options.boundsMs)));
    return found;
  }
}

/** One page of several registries of the same families: the text format wants each family in one piece. */
async function together(registries: readonly Registry[]): Promise<string> {
  const pages = await Promise.all(registries.map((registry) => registry.metrics()));
  const families = new Map<string, string[]>();
  for (const family of pages.flatMap((page) => page.trimEnd().split('\n\n'))) {
    const [, head = '', series = ''] = HEAD.exec(family) ?? [];
    const parts = families.get(head);
    if (parts === undefined) families.set(head, [family]);
    else if (series !== '') parts.push(series);
  }
  return `${[...families.values()].map((parts) => parts.join('\n')).join('\n\n')}\n`;
}

/** `# HELP` and `# TYPE`, then the series. */
const HEAD = /^(#[^\n]*\n#[^\n]*)\n?([\s\S]*)$/;
