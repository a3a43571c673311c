/**
 * What one service counts, in the words of `docs/guard-service.md`. Every series carries `service`, `release_id` and `revision`
 * (R31), and no label takes a value that a request chooses. Those of a release exist with 0 from its start: absent means "no
 * data", never "none". Users' requests only: pinned ones are counted by themselves (A9).
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { inSeconds, LATENCY_BOUNDS_MS } from '../../domain/latency-bounds.js';
import { GUARD_EVENT_KINDS, type GuardEvent } from '../events.js';
import { isSchemaRefusal } from '../pins/refusal.js';

export interface Release {
  readonly releaseId: string;
  readonly revision: string;
}

/** What one release counts. After `retire` it counts nothing. */
export interface ReleaseCounts {
  /** An answer to a user; `waitedMs` is undefined where it must not enter the latencies. */
  answered(answer: { readonly status: number | undefined; readonly cold: boolean; readonly waitedMs: number | undefined }): void;
  /** An answer to somebody who was pinned here. */
  pinned(status: number | undefined): void;
  /** An answer to a user that broke off after a 2xx (A23). */
  cut(by: 'server' | 'client'): void;
  /** Streams that are open, whoever asked: 1 as one begins, -1 as it ends. */
  openStreams(by: 1 | -1): void;
  /** One more try of an outgoing call (R23). */
  retried(): void;
  event(event: GuardEvent): void;
}

export interface ServiceMetricsOptions {
  /** One of its own unless told. */
  readonly registry?: Registry | undefined;
  /** Bounds of the latencies, in milliseconds; factor 1.1 from 1 ms to 60 s, as the latency gate wants them (judge.md §0). */
  readonly latencyBoundsMs?: readonly number[] | undefined;
  /** Most releases at a time; the oldest goes. */
  readonly releases?: number | undefined;
}

const OF_RELEASE = ['service', 'release_id', 'revision'] as const;
const CODES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'] as const;
const CUTTERS = ['server', 'client'] as const;
const PREFIX = 'sluice_guard';
const START = 'process_start_time_seconds';

type Labels = Readonly<Record<(typeof OF_RELEASE)[number], string>>;

/** Seconds; undefined: not known now. An empty queue is 0 (A10). */
export type QueueAge = () => Promise<number | undefined> | number | undefined;

export class ServiceMetrics {
  readonly registry: Registry;
  readonly #service: string;
  readonly #most: number;
  readonly #families: ReturnType<typeof familiesIn>;
  readonly #releases = new Map<string, Labels>();
  readonly #queues = new Map<string, { readonly labels: Labels; readonly read: QueueAge }>();

  constructor(
    service: string,
    { registry = new Registry(), latencyBoundsMs = LATENCY_BOUNDS_MS, releases = 4 }: ServiceMetricsOptions = {},
  ) {
    this.registry = registry;
    this.#service = service;
    this.#most = releases;
    this.#families = familiesIn(registry, latencyBoundsMs, () => this.#readQueues());
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** Asked again, the same series. */
  of(release: Release): ReleaseCounts {
    return this.#countsOf(keyOf(release), this.#labelsOf(release));
  }

  /** Drops every series of a release, on whatever revision. */
  retire(releaseId: string): void {
    for (const [key, labels] of this.#releases) if (labels.release_id === releaseId) this.#gone(key, labels);
  }

  /** The age of a queue's oldest message, asked at each scrape. A read that fails leaves no series: blind, and not stale. */
  queueAge(release: Release, queue: string, read: QueueAge): void {
    this.#queues.set(queue, { labels: this.#labelsOf(release), read });
  }

  /** Of one release always the same object. */
  #labelsOf(release: Release): Labels {
    const key = keyOf(release);
    return this.#releases.get(key) ?? this.#born(key, release);
  }

  async #readQueues(): Promise<void> {
    await Promise.all(
      [...this.#queues].map(async ([queue, { labels, read }]) => {
        const seconds = await Promise.resolve()
          .then(read)
          .catch(() => undefined);
        if (seconds === undefined || !(seconds >= 0)) this.#families.queueAge.remove({ ...labels, queue });
        else this.#families.queueAge.set({ ...labels, queue }, seconds);
      }),
    );
  }

  #born(key: string, { releaseId, revision }: Release): Labels {
    const labels = { service: this.#service, release_id: releaseId, revision };
    const [oldest] = this.#releases;
    if (oldest !== undefined && this.#releases.size >= this.#most) this.#gone(...oldest);
    this.#releases.set(key, labels);
    const { requests, pinned, cut, plain, events, observed, latency, openStreams } = this.#families;
    for (const code of CODES) for (const family of [requests, pinned]) family.inc({ ...labels, code }, 0);
    for (const by of CUTTERS) cut.inc({ ...labels, by }, 0);
    for (const kind of GUARD_EVENT_KINDS) for (const family of [events, observed]) family.inc({ ...labels, kind }, 0);
    for (const family of Object.values(plain)) family.inc(labels, 0);
    openStreams.set(labels, 0);
    latency.zero(labels);
    return labels;
  }

  #gone(key: string, labels: Labels): void {
    this.#releases.delete(key);
    for (const [queue, { labels: own }] of this.#queues) {
      if (own !== labels) continue;
      this.#queues.delete(queue);
      this.#families.queueAge.remove({ ...labels, queue });
    }
    const { requests, pinned, cut, plain, events, observed, latency, openStreams } = this.#families;
    for (const code of CODES) for (const family of [requests, pinned]) family.remove({ ...labels, code });
    for (const by of CUTTERS) cut.remove({ ...labels, by });
    for (const kind of GUARD_EVENT_KINDS) for (const family of [events, observed]) family.remove({ ...labels, kind });
    for (const family of Object.values(plain)) family.remove(labels);
    openStreams.remove(labels);
    latency.remove(labels);
  }

  #countsOf(key: string, labels: Labels): ReleaseCounts {
    const { requests, pinned, cut, plain, events, observed, latency, openStreams } = this.#families;
    // A late answer of a retired release must not bring its series back.
    const ifLive = (count: () => void): void => {
      if (this.#releases.get(key) === labels) count();
    };
    return {
      answered: ({ status, cold, waitedMs }) => {
        ifLive(() => {
          requests.inc({ ...labels, code: codeClassOf(status) });
          if (cold) plain.coldStarts.inc(labels);
          if (waitedMs !== undefined) latency.observe(labels, waitedMs / 1_000);
        });
      },
      pinned: (status) => {
        ifLive(() => {
          pinned.inc({ ...labels, code: codeClassOf(status) });
        });
      },
      cut: (by) => {
        ifLive(() => {
          cut.inc({ ...labels, by });
        });
      },
      openStreams: (by) => {
        ifLive(() => {
          openStreams.inc(labels, by);
        });
      },
      retried: () => {
        ifLive(() => {
          plain.retries.inc(labels);
        });
      },
      event: ({ kind, observed: isObserved }) => {
        ifLive(() => {
          (isObserved ? observed : events).inc({ ...labels, kind });
          if (!isObserved && isSchemaRefusal(kind)) plain.schemaRefusals.inc(labels);
        });
      },
    };
  }
}

function familiesIn(registry: Registry, latencyBoundsMs: readonly number[], readQueues: () => Promise<void>) {
  const registers = [registry];
  const counter = (name: string, help: string, ...more: string[]): Counter =>
    new Counter({ name: `${PREFIX}_${name}`, help, labelNames: [...OF_RELEASE, ...more], registers });
  // Tells a scraping source a restart from a hop between replicas; a service that collects Node's own metrics has it already.
  if (registry.getSingleMetric(START) === undefined)
    new Gauge({ name: START, help: 'Start time of the process since unix epoch in seconds.', registers }).set(
      performance.timeOrigin / 1_000,
    );
  return {
    requests: counter('requests_total', "Users' requests, by class of the status code.", 'code'),
    pinned: counter('pinned_requests_total', 'Requests that a pin brought here (probes, warm-up); in no other series.', 'code'),
    cut: counter('streams_cut_total', 'Answers to users that broke off after a 2xx, by who ended them.', 'by'),
    events: counter('events_total', 'What the guard did, by kind.', 'kind'),
    observed: counter('observed_total', 'What the guard would have done where it only observes, by kind.', 'kind'),
    plain: {
      coldStarts: counter('cold_starts_total', 'Requests of users that met an instance before it was warm.'),
      retries: counter('retries_total', 'Further tries of outgoing calls.'),
      schemaRefusals: counter(
        'schema_refusals_total',
        'Requests that this revision could not serve for their schema pins (R27).',
      ),
    },
    latency: new Histogram({
      name: `${PREFIX}_latency_seconds`,
      help: 'What users waited: to the first byte for streams, for others to the last. Without cold starts.',
      labelNames: [...OF_RELEASE],
      buckets: inSeconds(latencyBoundsMs),
      registers,
    }),
    openStreams: new Gauge({
      name: `${PREFIX}_open_streams`,
      help: 'Streams that have begun and not ended.',
      labelNames: [...OF_RELEASE],
      registers,
    }),
    queueAge: new Gauge({
      name: `${PREFIX}_queue_age_seconds`,
      help: 'Age of the oldest message of a queue.',
      labelNames: [...OF_RELEASE, 'queue'],
      registers,
      collect: readQueues,
    }),
  };
}

const keyOf = ({ releaseId, revision }: Release): string => JSON.stringify([releaseId, revision]);

/** `none`: who asked was gone before there was a status. */
const codeClassOf = (status: number | undefined): string =>
  status === undefined || status < 100 || status > 599 ? 'none' : `${String(Math.floor(status / 100))}xx`;
