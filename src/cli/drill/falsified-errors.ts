/** A page of counters on which the candidate fails: what its users asked since the strike counts half as much again as errors. */
import { belongs, passes } from '../../providers/metrics/belonging.js';
import { parseTextFormat, type Labels } from '../../providers/metrics/text-format.js';
import { scrapeOptions } from '../../providers/metrics/scrape.js';
import { STORE } from '../../providers/metrics/series.js';
import type { MeasuredPair } from '../../providers/ports.js';
import type { Target } from '../../domain/words.js';
import type { MetricsConnection } from '../../spec/config-schema.js';
import { mappingOf } from '../../worker/metric-sources.js';

type Scrape = Extract<MetricsConnection, { readonly type: 'scrape' }>;
type Sample = ReturnType<typeof parseTextFormat>['samples'][number];

/** What labels of errors usually say. */
const ERROR_VALUES = ['500', '5xx', '503', 'error', 'failed', 'server_error', 'true', '1'];

export class FalsifiedErrors {
  /** Requests when it struck, by series. */
  readonly #base = new Map<string, number>();
  readonly #labels;
  readonly #errors;
  #struck = false;

  constructor(
    connection: Scrape,
    private readonly target: Target,
    private readonly pair: MeasuredPair,
  ) {
    const options = scrapeOptions.parse({ urls: [...connection.urls], ...mappingOf(connection) });
    this.#labels = options.labels;
    this.#errors = options.metrics.errors;
  }

  /** Why no error can be made up here; undefined: it can. */
  whyNot(): string | undefined {
    if (this.#errors === undefined) return 'it names no requests, so that it feeds no gate errors';
    const unknown = Object.values(this.#errors.bad.where).find((expression) => errorValue(expression) === undefined);
    return unknown === undefined ? undefined : `no value that a drill knows matches "${unknown}", by which it tells errors`;
  }

  /** From the next page on. */
  strike(): void {
    this.#struck = true;
  }

  page(text: string): string {
    const lines = text.split('\n');
    const samples = lines.map(sampleIn);
    const additions = new Map<string, { readonly line: string; count: number }>();
    for (const sample of samples) {
      if (sample === undefined || !this.#isRequests(sample)) continue;
      const key = keyOf(sample.name, sample.labels);
      if (!this.#struck) this.#base.set(key, sample.value);
      const bad = this.#badFor(sample);
      const badKey = keyOf(bad.name, bad.labels);
      const before = additions.get(badKey)?.count ?? 0;
      const count = before + Math.max(0, Math.floor((sample.value - (this.#base.get(key) ?? 0)) / 2));
      additions.set(badKey, { line: series(bad.name, bad.labels), count });
    }
    const altered = lines.map((line, index) => {
      const sample = samples[index];
      const key = sample && keyOf(sample.name, sample.labels);
      const addition = key === undefined ? undefined : additions.get(key);
      if (sample === undefined || addition === undefined) return line;
      additions.delete(key as string);
      return `${addition.line} ${sample.value + addition.count}`;
    });
    const born = [...additions.values()].filter(({ count }) => count > 0).map(({ line, count }) => `${line} ${count}\n`);
    return altered.join('\n') + born.join('');
  }

  /** Good requests of the candidate's users. */
  #isRequests({ name, labels }: Sample): boolean {
    const errors = this.#errors;
    if (errors === undefined || name !== errors.requests.name || !passes(labels, errors.requests.where)) return false;
    if (name === errors.bad.name && passes(labels, errors.bad.where)) return false;
    const measured = { target: this.target, pair: this.pair, labels: this.#labels };
    return belongs({ labels, origin: STORE, samples: [] }, 'candidate', 'exactly', measured);
  }

  #badFor({ name, labels }: Sample): { readonly name: string; readonly labels: Labels } {
    const bad = this.#errors?.bad ?? { name, where: {} };
    const told = Object.entries(bad.where)
      .filter(([label, expression]) => !passes(labels, { [label]: expression }))
      .map(([label, expression]) => [label, errorValue(expression) ?? ''] as const);
    return { name: bad.name, labels: new Map([...labels, ...told]) };
  }
}

const errorValue = (expression: string): string | undefined =>
  [...ERROR_VALUES, expression].find((value) => passes(new Map([['value', value]]), { value: expression }));

function sampleIn(line: string): Sample | undefined {
  return line === '' || line.startsWith('#') ? undefined : parseTextFormat(`${line}\n`).samples[0];
}

const keyOf = (name: string, labels: Labels): string => JSON.stringify([name, [...labels].sort(([a], [b]) => (a < b ? -1 : 1))]);

function series(name: string, labels: Labels): string {
  const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `${name}{${[...labels].map(([label, value]) => `${label}="${escaped(value)}"`).join(',')}}`;
}
