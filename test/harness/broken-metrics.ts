/** Stands between a worker and a page of metrics, and breaks the page in the ways that exporters and networks do. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';

export type MetricFault =
  /** The status 500. */
  | 'refuses'
  /** Never answers. */
  | 'hangs'
  /** Every number is NaN. */
  | 'not-a-number'
  /** 200 and no line. */
  | 'empty'
  /** The page of the moment at which the fault began, its clock included. */
  | 'old'
  /** The clock goes on, and every counter has less at each look. */
  | 'backwards';

export class BrokenMetrics {
  readonly #server: Server;
  #fault: MetricFault | undefined;
  #kept: string | undefined;
  #answered = 0;

  private constructor(
    private readonly upstream: string,
    readonly port: number,
    server: Server,
  ) {
    this.#server = server;
  }

  static async before(upstream: string, port: number): Promise<BrokenMetrics> {
    const server = createServer((request, response) => {
      void metrics.#answer(request.url ?? '/', response);
    });
    const metrics = new BrokenMetrics(upstream, port, server);
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return metrics;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  /** Pages that were asked for since the fault began. */
  get asked(): number {
    return this.#answered;
  }

  break(fault: MetricFault): void {
    this.#fault = fault;
    this.#kept = undefined;
    this.#answered = 0;
  }

  mend(): void {
    this.#fault = undefined;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    this.#answered += 1;
    if (this.#fault === 'hangs') return;
    if (this.#fault === 'refuses') {
      response.writeHead(500).end('out of order');
      return;
    }
    try {
      const page = await (await fetch(`${this.upstream}${path}`, { signal: AbortSignal.timeout(5_000) })).text();
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(this.#broken(page));
    } catch {
      response.destroy();
    }
  }

  #broken(page: string): string {
    switch (this.#fault) {
      case 'not-a-number':
        return page.replace(/^([^#\s]\S*(?: [^#\n]*\})?) \S+$/gm, '$1 NaN');
      case 'empty':
        return '';
      case 'old':
        this.#kept ??= page;
        return this.#kept;
      case 'backwards':
        return page.replace(
          /^(sluice_\w+_(?:total|bucket|count|sum)\{.*\}) (\S+)$/gm,
          (_line, series: string, value: string) => `${series} ${String(Math.floor(Number(value) / (1 + this.#answered)))}`,
        );
      default:
        return page;
    }
  }
}
