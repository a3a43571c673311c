import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProviderError } from '../../../src/providers/errors.js';
import { exporterPage } from './metrics-server.js';
import { look, mapping, PAIR, through, type Looked } from './step.js';

const page = (slots: Parameters<typeof exporterPage>[0]['slots']): string => exporterPage({ slots });
const errorsOf = ({ reading }: Looked): unknown => reading.errors?.value;

test('a step begins at zero, whatever was counted before it', () => {
  const begun = look(page({ blue: { ok: 5_000, failed: 7, cut: 2, buckets: [1, 2, 3] }, green: { ok: 30 } }), 1_000, 'begin');
  assert.deepEqual(begun.reading.errors, {
    at: 1_000,
    ageMs: 0,
    elapsedMs: 0,
    value: { stable: { requests: 0, bad: 0, cutStreams: 0 }, candidate: { requests: 0, bad: 0, cutStreams: 0 } },
  });
  assert.deepEqual(begun.reading.latency?.value, { boundsMs: [100, 110], counts: { stable: [0, 0, 0], candidate: [0, 0, 0] } });
});

test('5xx answers and streams cut after a 200 are bad, and 5xx are requests', () => {
  const now = through([
    page({ blue: { ok: 100, failed: 1, cut: 1 }, green: {} }),
    page({ blue: { ok: 200, failed: 4, cut: 6 }, green: { ok: 10, failed: 1 } }),
  ]);
  assert.deepEqual(errorsOf(now), {
    stable: { requests: 103, bad: 8, cutStreams: 5 },
    candidate: { requests: 11, bad: 1, cutStreams: 0 },
  });
});

test('cumulative buckets in seconds become counts between bounds in milliseconds', () => {
  const now = through([page({ blue: {}, green: {} }), page({ blue: { buckets: [10, 15, 16] }, green: { buckets: [0, 0, 2] } })]);
  assert.deepEqual(now.reading.latency?.value, { boundsMs: [100, 110], counts: { stable: [10, 5, 1], candidate: [0, 0, 2] } });
});

test('a bucket unit of milliseconds is taken as it is', () => {
  const own = mapping({ metrics: { latency: { name: 'sluice_latency_seconds', unit: 'ms' } } });
  assert.deepEqual(through([page({ blue: {}, green: {} })], { mapping: own }).reading.latency?.value.boundsMs, [0.1, 0.11]);
});

for (const [what, spoil] of [
  ['bounds that changed', (text: string) => text.replaceAll('le="0.11"', 'le="0.2"')],
  ['bounds of which one is missing', (text: string) => text.replaceAll(/.*le="0.11".*\n/g, '')],
  ['buckets without +Inf', (text: string) => text.replaceAll(/.*le="\+Inf".*\n/g, '')],
  [
    'bounds that one revision has otherwise',
    (text: string) => text.replace('green",release_id="",le="0.11"', 'green",release_id="",le="0.2"'),
  ],
  ['the same bound twice', (text: string) => text.replaceAll('le="0.11"', 'le="0.10"')],
  ['a bound that is no number', (text: string) => text.replaceAll('le="0.11"', 'le="fast"')],
  ['a wider bucket with fewer requests', (text: string) => text.replaceAll(/(le="0.1"} )\d+/g, '$199')],
] as const) {
  test(`${what}: no latency, and the errors are not touched`, () => {
    const first = page({ blue: {}, green: {} });
    const second = page({ blue: { ok: 9, buckets: [1, 2, 3] }, green: { ok: 1 } });
    const now = through([first, spoil(second)]);
    assert.equal(now.reading.latency, undefined);
    assert.ok(now.absent.some((why) => why.startsWith('latency: ')));
    assert.equal(now.reading.errors?.value.stable.requests, 9);
    const later = look(second, 9_000, now.cursor);
    assert.deepEqual(later.reading.latency?.value.counts.stable, [1, 1, 1], 'nothing was lost when it can be read again');
  });
}

test('a revision whose slot the exporter does not show is no data, not zero', () => {
  const now = through([page({ blue: { ok: 1 } }), page({ blue: { ok: 2 } })]);
  assert.deepEqual(now.reading, {});
  assert.deepEqual(now.absent, [
    'errors: no series of sluice_requests_total for candidate',
    'latency: no series of sluice_latency_seconds_bucket for candidate',
  ]);
});

test('a slot that the exporter shows under no release, or another one, had no request of this one', () => {
  const now = through([
    page({ blue: { release: 'r1', ok: 1 }, green: { release: 'older', ok: 500 } }),
    page({ blue: { release: 'r1', ok: 2 }, green: { release: 'older', ok: 900 } }),
  ]);
  assert.deepEqual(errorsOf(now), {
    stable: { requests: 1, bad: 0, cutStreams: 0 },
    candidate: { requests: 0, bad: 0, cutStreams: 0 },
  });
});

test('a release that appears in its slot during the step counts from its birth', () => {
  const green = (release: string, ok: number, failed = 0): string => page({ green: { release, ok, failed } });
  const now = through([
    page({ blue: {} }) + green('older', 70),
    page({ blue: {} }) + green('older', 70) + green('r2', 12, 3).replaceAll(/# .*\n/g, ''),
  ]);
  assert.deepEqual(now.reading.errors?.value.candidate, { requests: 15, bad: 3, cutStreams: 0 });
});

test('traffic whose release the log does not know counts by its slot', () => {
  const now = through([page({ blue: {}, green: {} }), page({ blue: {}, green: { ok: 8 } })]);
  assert.equal(now.reading.errors?.value.candidate.requests, 8);
});

const OWN = {
  labels: { revision: { version: 'release' }, replica: 'pod' },
  metrics: { errors: { requests: { name: 'http_requests_total' }, bad: { name: 'http_errors_total' } } },
} as const;

test('a family of errors that never showed itself is no data; one that starts at zero by configuration is 0', () => {
  const text = '# TYPE http_requests_total counter\nhttp_requests_total{version="r1"} 5\nhttp_requests_total{version="r2"} 5\n';
  assert.equal(through([text], { mapping: mapping(OWN) }).reading.errors, undefined);
  const trusting = mapping({ ...OWN, startsAtZero: true });
  assert.equal(through([text], { mapping: trusting }).reading.errors, undefined, 'the name may be misspelt');
  assert.deepEqual(
    through([`${text}# TYPE http_errors_total counter\n`], { mapping: trusting }).reading.errors?.value.candidate,
    { requests: 0, bad: 0 },
  );
});

test('replicas are listed each by itself, and one that is new counts from 0', () => {
  const text = (pods: Readonly<Record<string, number>>): string =>
    Object.entries(pods)
      .flatMap(([pod, count]) => {
        const labels = `version="${pod.slice(0, 2)}",pod="${pod}"`;
        return [`http_requests_total{${labels}} ${String(count)}`, `http_errors_total{${labels}} ${String(count / 10)}`];
      })
      .join('\n') + '\n';
  const now = through([text({ 'r1-a': 100, 'r2-a': 100 }), text({ 'r1-a': 110, 'r1-constructor': 50, 'r2-a': 100 })], {
    mapping: mapping(OWN),
  });
  assert.deepEqual(now.reading.errors?.value, {
    stable: { requests: 60, bad: 6, byReplica: { 'r1-a': { requests: 10, bad: 1 }, 'r1-constructor': { requests: 50, bad: 5 } } },
    candidate: { requests: 0, bad: 0, byReplica: { 'r2-a': { requests: 0, bad: 0 } } },
  });
});

test('a replica that is gone keeps what it counted', () => {
  const text = (pods: string): string =>
    `http_requests_total{version="r2"} 0\nhttp_errors_total{version="r2"} 0\nhttp_errors_total{version="r1"} 0\n${pods}\n`;
  const now = through(
    [
      text('http_requests_total{version="r1",pod="a"} 5\nhttp_requests_total{version="r1",pod="b"} 5'),
      text('http_requests_total{version="r1",pod="a"} 9\nhttp_requests_total{version="r1",pod="b"} 5'),
      text('http_requests_total{version="r1",pod="b"} 7'),
    ],
    { mapping: mapping({ ...OWN, labels: { revision: { version: 'release' } } }) },
  );
  assert.equal(now.reading.errors?.value.stable.requests, 6);
});

test('labels that do not tell the revisions apart are an error that names them', () => {
  const text = 'http_requests_total{version="r1"} 5\nhttp_errors_total{version="r1"} 5\n';
  const pair = { stable: PAIR.stable, candidate: { ...PAIR.candidate, release: 'r1' } };
  assert.throws(
    () => through([text], { mapping: mapping(OWN), pair }),
    (error) => error instanceof ProviderError && error.kind === 'permanent' && error.message.includes('version'),
  );
});

test('NaN, infinities and negative counts are no data; the next good look carries the whole increment', () => {
  for (const bad of ['NaN', '+Inf', '-1']) {
    const pages = [
      page({ blue: { ok: 10 }, green: {} }),
      page({ blue: { ok: 20 }, green: {} }).replace('code="2xx"} 20', `code="2xx"} ${bad}`),
    ];
    const now = through(pages);
    assert.equal(now.reading.errors, undefined, bad);
    assert.equal(look(page({ blue: { ok: 35 }, green: {} }), 9_000, now.cursor).reading.errors?.value.stable.requests, 25);
  }
});

test('a counter that was no count when the step began has no base, and its signal is no data for the step', () => {
  const now = through([
    page({ blue: { ok: 10 }, green: {} }).replace('code="2xx"} 10', 'code="2xx"} NaN'),
    page({ blue: { ok: 5_000 }, green: {} }),
  ]);
  assert.deepEqual([now.reading.errors, now.reading.latency !== undefined], [undefined, true]);
});

test('the age of a queue is that of its worst partition, in seconds; an empty queue is 0 and a missing series is absent', () => {
  const own = mapping({
    labels: { revision: {} },
    metrics: { queueAgeS: { name: 'queue_age_ms', unit: 'ms', where: { queue: 'jobs.*' } } },
  });
  const age = (text: string): number | undefined => look(text, 0, 'begin', { mapping: own }).reading.queueAgeS?.value;
  assert.equal(
    age('queue_age_ms{queue="jobs-1"} 1500\nqueue_age_ms{queue="jobs-2"} 250\nqueue_age_ms{queue="mail"} 9000\n'),
    1.5,
  );
  assert.equal(age('queue_age_ms{queue="jobs-1"} 0\n'), 0);
  assert.equal(age('queue_age_ms{queue="mail"} 9000\n'), undefined);
  assert.equal(age('queue_age_ms{queue="jobs-1"} NaN\n'), undefined);
  assert.equal(age('other 1\n'), undefined);
});

test('cold starts, dedupe, schema refusals and custom gates are counted as the mapping says', () => {
  const own = mapping({
    labels: { service: 'service', revision: { revision: 'slot' } },
    metrics: {
      coldStarts: { requests: { name: 'starts_total' }, bad: { name: 'starts_total', where: { kind: 'cold' } } },
      dedupe: {
        replays: { name: 'replays_total' },
        misses: { name: 'misses_total' },
        duplicateEffects: { name: 'duplicates_total' },
      },
      schemaRefusals: { name: 'refusals_total' },
      stickiness: { returns: { name: 'returns_total' }, violations: { name: 'left_total' } },
      custom: {
        'empty answers': { requests: { name: 'answers_total' }, bad: { name: 'answers_total', where: { length: '0' } } },
      },
    },
  });
  const text = (n: number): string => {
    const perSlot = ['blue', 'green'].flatMap((slot) => {
      const labels = `service="app",revision="${slot}"`;
      return [
        `starts_total{${labels},kind="cold"} ${String(n)}`,
        `starts_total{${labels},kind="warm"} ${String(3 * n)}`,
        `refusals_total{${labels}} ${String(n)}`,
        `returns_total{${labels}} ${String(7 * n)}`,
        `left_total{${labels}} ${slot === 'blue' ? String(n) : '0'}`,
        `answers_total{${labels},length="0"} ${String(n)}`,
        `answers_total{${labels},length="many"} ${String(9 * n)}`,
        `replays_total{${labels}} ${String(5 * n)}`,
        `misses_total{${labels}} 0`,
      ];
    });
    return [...perSlot, 'duplicates_total{service="app"} 0', 'duplicates_total{service="other"} 99', ''].join('\n');
  };
  const { reading } = through([text(7), text(9)], { mapping: own });
  assert.deepEqual(reading.coldStarts?.value, { stable: { requests: 8, bad: 2 }, candidate: { requests: 8, bad: 2 } });
  assert.deepEqual(reading.dedupe?.value, { replays: 20, misses: 0, duplicateEffects: 0 });
  assert.deepEqual(reading.schemaRefusals?.value, { stable: 2, candidate: 2 });
  assert.deepEqual(reading.stickiness?.value, { returns: 28, violations: 2 }, 'of both revisions together');
  const both = { requests: 20, bad: 2 };
  assert.deepEqual(reading.custom?.['empty answers']?.value, { stable: both, candidate: both });
});

const growth = fc.record({ ok: fc.nat(100), failed: fc.nat(9), cut: fc.nat(9), slow: fc.nat(50), restart: fc.boolean() });

test('a cursor that went through JSON, and a look that is done again, change nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(growth, growth), { minLength: 1, maxLength: 8 }), (steps) => {
      const shown = { blue: { ok: 100, failed: 1, cut: 1, slow: 5 }, green: { ok: 3, failed: 0, cut: 0, slow: 1 } };
      const text = (): string =>
        page(
          Object.fromEntries(
            Object.entries(shown).map(([slot, one]) => [slot, { ...one, buckets: [one.ok, one.ok + 1, one.ok + 1 + one.slow] }]),
          ),
        );
      let straight = look(text(), 0, 'begin');
      let replayed = straight;
      for (const [index, both] of steps.entries()) {
        for (const [slot, more] of [
          ['blue', both[0]],
          ['green', both[1]],
        ] as const) {
          const before = shown[slot];
          const from = more.restart ? { ok: 0, failed: 0, cut: 0, slow: 0 } : before;
          shown[slot] = {
            ok: from.ok + more.ok,
            failed: from.failed + more.failed,
            cut: from.cut + more.cut,
            slow: from.slow + more.slow,
          };
        }
        straight = look(text(), index + 1, straight.cursor);
        const cursor = JSON.parse(JSON.stringify(replayed.cursor)) as typeof replayed.cursor;
        look(page({ blue: { ok: 9_999 }, green: { ok: 9_999 } }), index + 1, cursor);
        replayed = look(text(), index + 1, cursor);
      }
      assert.deepEqual(JSON.parse(JSON.stringify(replayed)), JSON.parse(JSON.stringify(straight)));
    }),
  );
});

test('a cursor that somebody else wrote is refused', () => {
  assert.throws(
    () => look(page({}), 0, { format: 2 }),
    (error) => error instanceof ProviderError && error.kind === 'permanent',
  );
});
