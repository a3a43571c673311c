/** The service's metrics as its owners would have them: every series carries release_id and revision (R31). */
import { Counter, Histogram, Registry } from 'prom-client';
import type { ServiceIdentity } from './service-behaviour.js';
import type { RequestKind } from './service-ledger.js';

/** Seconds. Fine around a tenth of a second, where the tests put their latencies. */
const BUCKETS = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.35, 0.5, 0.75, 1, 2, 5];

export class ServiceMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'code'>;
  readonly #pinned: Counter<'code'>;
  readonly #duration: Histogram;

  constructor(identity: ServiceIdentity) {
    const registers = [this.#registry];
    this.#registry.setDefaultLabels({ release_id: identity.releaseId, revision: identity.revision });
    this.#requests = new Counter({
      name: 'http_requests_total',
      help: 'User requests answered.',
      labelNames: ['code'],
      registers,
    });
    // Pinned requests never enter user metrics (A9), but somebody who debugs wants to see that they came.
    this.#pinned = new Counter({
      name: 'http_pinned_requests_total',
      help: 'Pinned requests answered.',
      labelNames: ['code'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time to the answer, of a stream to its first byte.',
      buckets: BUCKETS,
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  observe(kind: RequestKind, status: number, seconds: number): void {
    const code = String(status);
    if (kind === 'pinned') {
      this.#pinned.inc({ code });
      return;
    }
    this.#requests.inc({ code });
    this.#duration.observe(seconds);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
