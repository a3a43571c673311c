/** Processes of a service that label by version, as `prom-client` shows them. */
import { Counter, Histogram, Registry } from 'prom-client';
import { MetricsServer } from '../../providers/metrics/metrics-server.js';

export class VersionedPod {
  readonly #requests: Counter;
  readonly #latency: Histogram;

  private constructor(
    readonly server: MetricsServer,
    registry: Registry,
  ) {
    const registers = [registry];
    this.#requests = new Counter({ name: 'http_requests_total', help: '-', labelNames: ['code'], registers });
    const buckets = Array.from({ length: 20 }, (_, k) => Number((0.01 * 1.1 ** k).toPrecision(4)));
    this.#latency = new Histogram({ name: 'http_latency_seconds', help: '-', buckets, registers });
    for (const code of ['200', '500']) this.#requests.inc({ code }, 0);
  }

  static async start(version: string): Promise<VersionedPod> {
    const registry = new Registry();
    registry.setDefaultLabels({ version, service: 'app' });
    const server = await MetricsServer.start((_request, response) => {
      void registry.metrics().then((text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text));
    });
    return new VersionedPod(server, registry);
  }

  serve(good: number, bad: number): void {
    this.#requests.inc({ code: '200' }, good);
    this.#requests.inc({ code: '500' }, bad);
    for (let k = 0; k < good + bad; k++) this.#latency.observe(0.012 + (k % 10) / 1_000);
  }
}
