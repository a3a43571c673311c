/** The questions that we ask Prometheus's HTTP API, and what its answers may be. */
import type { Instant } from '../../domain/words.js';
import { permanent, transient } from '../errors.js';
import { get, nameOf, type GetOptions } from './http.js';
import { parseFloatStrictly, type Labels } from './text-format.js';

export interface StoredSeries {
  readonly labels: Labels;
  /** Oldest first; may hold NaN and infinities. */
  readonly samples: readonly { readonly at: Instant; readonly value: number }[];
}

/** `partial`: some store did not answer, or said so; what is missing is unknown, so that none of it is used. */
export type Answered =
  { readonly kind: 'whole'; readonly series: readonly StoredSeries[] } | { readonly kind: 'partial'; readonly why: string };

export interface Api {
  /** The server's clock: nothing here is compared with ours. */
  now(signal: AbortSignal): Promise<Instant>;
  query(expression: string, at: Instant, signal: AbortSignal): Promise<Answered>;
  /** The expression's value at `from` and every `stepMs` after it, up to `to`. */
  range(expression: string, from: Instant, to: Instant, stepMs: number, signal: AbortSignal): Promise<Answered>;
}

export function prometheusApi(base: string, options: Omit<GetOptions, 'signal'>): Api {
  const ask = async (path: string, parameters: Readonly<Record<string, string>>, signal: AbortSignal): Promise<ApiBody> => {
    const url = new URL(`${base.replace(/\/+$/, '')}/api/v1/${path}`);
    // Thanos and VictoriaMetrics: fail rather than leave something out. Prometheus does not look at them.
    url.search = new URLSearchParams({ ...parameters, partial_response: 'false', deny_partial_response: '1' }).toString();
    const { status, body } = await get(url, { ...options, signal });
    return bodyOf(status, body, nameOf(url));
  };
  const series = async (path: string, parameters: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answered> => {
    const { data, warnings } = await ask(path, parameters, signal);
    if (warnings !== undefined) return { kind: 'partial', why: `the answer is partial (${warnings})` };
    if (!isRecord(data) || !Array.isArray(data['result'])) throw unexpected(base, 'a list of series');
    // `scalar(…)` and plain numbers.
    if (data['resultType'] === 'scalar')
      return { kind: 'whole', series: [{ labels: new Map(), samples: [sampleOf(data['result'], base)] }] };
    return { kind: 'whole', series: data['result'].map((one) => seriesOf(one, base)) };
  };
  return {
    async now(signal) {
      const { data } = await ask('query', { query: 'time()' }, signal);
      const at = isRecord(data) && Array.isArray(data['result']) ? Number(data['result'][1]) : NaN;
      if (!Number.isFinite(at)) throw unexpected(base, 'the time');
      return Math.round(at * 1_000);
    },
    query: (expression, at, signal) => series('query', { query: expression, time: inSeconds(at) }, signal),
    range: (expression, from, to, stepMs, signal) =>
      series('query_range', { query: expression, start: inSeconds(from), end: inSeconds(to), step: inSeconds(stepMs) }, signal),
  };
}

const inSeconds = (ms: number): string => (ms / 1_000).toFixed(3);

interface ApiBody {
  readonly data: unknown;
  /** Undefined: the answer is whole. */
  readonly warnings: string | undefined;
}

/** 4xx say that the question or the leave to ask is wrong: asking again is no use. 408, 429 and 5xx pass (X23). */
function bodyOf(status: number, text: string, name: string): ApiBody {
  const body = jsonOf(text);
  if (isRecord(body) && body['status'] === 'success') {
    const warnings: unknown[] = Array.isArray(body['warnings']) ? body['warnings'] : [];
    const partial = body['isPartial'] === true ? ['isPartial'] : [];
    const all = [...warnings, ...partial].map(String).join('; ');
    return { data: body['data'], warnings: all === '' ? undefined : all.slice(0, 300) };
  }
  const said = isRecord(body) && typeof body['error'] === 'string' ? `: ${body['error'].slice(0, 300)}` : '';
  const wrong = status >= 400 && status < 500 && status !== 408 && status !== 429;
  const message = `${name} answered ${String(status)}${said}; expected 200 and status success`;
  throw wrong ? permanent(message) : transient(message);
}

/** Range vectors carry `values`, instant vectors `value`. Native histograms carry neither and are not read. */
function seriesOf(one: unknown, base: string): StoredSeries {
  if (!isRecord(one) || !isRecord(one['metric'])) throw unexpected(base, 'series with labels');
  const values: unknown = one['values'] ?? (one['value'] === undefined ? [] : [one['value']]);
  if (!Array.isArray(values)) throw unexpected(base, 'samples');
  const labels = Object.entries(one['metric']).flatMap(([name, value]) =>
    name === '__name__' || typeof value !== 'string' ? [] : [[name, value] as const],
  );
  return { labels: new Map(labels), samples: values.map((sample) => sampleOf(sample, base)) };
}

function sampleOf(sample: unknown, base: string): StoredSeries['samples'][number] {
  const [at, text] = Array.isArray(sample) ? (sample as readonly unknown[]) : [];
  const value = typeof text === 'string' ? parseFloatStrictly(text) : undefined;
  if (typeof at !== 'number' || value === undefined) throw unexpected(base, 'samples as [seconds, "value"]');
  return { at: Math.round(at * 1_000), value };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const unexpected = (base: string, expected: string): Error =>
  transient(`${nameOf(new URL(base))} answered with something else than ${expected}`);
