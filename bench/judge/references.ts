/** The tables of judge.md that the product is held to: median seconds to fail; `-` where the median run did not within the soak. */

const SHARES_4_2 = [0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 1];

/** judge.md 4.2: p0 %, weight %, requests/s, then the medians by the candidate's error rate; `.` where it is no worse. */
const ERRORS = `
0    1  20   -   -   -   -   285 70  15
0    1  200  -   600 235 95  30  10  5
0    1  2000 370 65  25  10  5   5   5
0    5  20   -   -   445 185 70  20  5
0    5  200  -   135 40  20  10  5   5
0    5  2000 80  15  5   5   5   5   5
0    25 20   -   300 140 65  30  10  5
0    25 200  125 35  15  10  5   5   5
0    25 2000 15  5   5   5   5   5   5
0.01 1  20   -   -   -   -   285 70  15
0.01 1  200  -   -   245 100 30  10  5
0.01 1  2000 460 90  30  15  5   5   5
0.01 5  20   -   -   460 195 65  20  5
0.01 5  200  -   165 55  20  10  5   5
0.01 5  2000 110 20  10  5   5   5   5
0.01 25 20   -   335 155 70  30  10  5
0.01 25 200  205 40  20  10  5   5   5
0.01 25 2000 25  5   5   5   5   5   5
0.1  1  20   -   -   -   -   400 70  15
0.1  1  200  -   -   495 145 45  10  5
0.1  1  2000 -   205 50  20  5   5   5
0.1  5  20   -   -   -   320 95  20  5
0.1  5  200  -   445 105 35  10  5   5
0.1  5  2000 -   45  15  5   5   5   5
0.1  25 20   -   -   280 95  35  10  5
0.1  25 200  -   120 30  10  5   5   5
0.1  25 2000 335 15  5   5   5   5   5
1    1  20   .   .   .   -   -   135 20
1    1  200  .   .   .   -   135 15  5
1    1  2000 .   .   .   155 15  5   5
1    5  20   .   .   .   -   280 35  5
1    5  200  .   .   .   315 30  5   5
1    5  2000 .   .   .   40  5   5   5
1    25 20   .   .   .   -   95  10  5
1    25 200  .   .   .   95  10  5   5
1    25 2000 .   .   .   10  5   5   5`;

export interface ErrorCell {
  readonly stable: number;
  readonly candidate: number;
  readonly weight: number;
  readonly rps: number;
  /** Undefined where judge.md gives none. */
  readonly medianMs: number | undefined;
}

const wordsOf = (table: string): readonly (readonly string[])[] =>
  table
    .trim()
    .split('\n')
    .map((line) => line.split(/ +/));
const millisecondsOf = (seconds: string): number | undefined => (seconds === '-' ? undefined : Number(seconds) * 1_000);

export const ERROR_CELLS: readonly ErrorCell[] = wordsOf(ERRORS).flatMap(([p0 = '', weight = '', rps = '', ...medians]) => {
  const where = { stable: Number(p0) / 100, weight: Number(weight) / 100, rps: Number(rps) };
  return [
    // At the tolerance itself it is right not to fail.
    { ...where, candidate: where.stable + 0.0005, medianMs: undefined },
    ...medians.flatMap((median, k) =>
      median === '.' ? [] : [{ ...where, candidate: SHARES_4_2[k] ?? 0, medianMs: millisecondsOf(median) }],
    ),
  ];
});

/** judge.md 4.4: weight %, requests/s, then the medians for a p95 of × 1.2, × 1.5, × 2. */
const LATENCY = `
1  20   -   -   170
1  200  -   80  20
1  2000 140 10  5
5  20   -   175 40
5  200  305 20  5
5  2000 35  5   5
25 20   -   50  15
25 200  85  10  5
25 2000 10  5   5`;
const RATIOS = [1.2, 1.5, 2];

export interface LatencyCell {
  readonly ratio: number;
  readonly weight: number;
  readonly rps: number;
  readonly medianMs: number | undefined;
}

export const LATENCY_CELLS: readonly LatencyCell[] = wordsOf(LATENCY).flatMap(([weight = '', rps = '', ...medians]) => {
  const where = { weight: Number(weight) / 100, rps: Number(rps) };
  return [
    // Tolerated: never to fail.
    ...[1, 1.05, 1.1].map((ratio) => ({ ...where, ratio, medianMs: undefined })),
    ...medians.map((median, k) => ({ ...where, ratio: RATIOS[k] ?? 0, medianMs: millisecondsOf(median) })),
  ];
});

/** judge.md 4.3: requests/s, p0 %, pattern, its size, false rollback in % with a look-back, and without. */
const BURSTS = `
20   0.1 side    0.1   0.1 0.7
20   1   side    0.1   0   0.3
20   0.1 cluster 10    1.2 2.3
20   1   cluster 10    0   0.3
20   0.1 cluster 30    4.7 9.6
20   1   cluster 30    0.6 1.6
200  0.1 cluster 10    0   1.3
200  1   cluster 10    0   7.6
200  1   cluster 30    7.6 10.3
2000 1   side    0.001 0   0
2000 0.1 side    0.01  0   1.8
2000 1   side    0.01  0   2.8
2000 0.1 side    0.1   2.2 14
2000 1   side    0.1   0.8 32.4
2000 1   cluster 3     0.1 1.5
2000 0.1 cluster 10    0   8.7
2000 1   cluster 10    0.1 19.1
2000 0.1 cluster 30    3.5 5.4
2000 1   cluster 30    7.6 30.2`;

export interface BurstCell {
  readonly rps: number;
  readonly errorRate: number;
  readonly pattern: 'side' | 'cluster';
  /** Correlation within a side's tick, or errors that come together. */
  readonly size: number;
  readonly falseShare: number;
  readonly falseShareWithoutLookBack: number;
}

export const BURST_CELLS: readonly BurstCell[] = wordsOf(BURSTS).map(
  ([rps, errorRate, pattern, size, falseShare, falseShareWithoutLookBack]) => ({
    rps: Number(rps),
    errorRate: Number(errorRate) / 100,
    pattern: pattern === 'side' ? 'side' : 'cluster',
    size: Number(size),
    falseShare: Number(falseShare) / 100,
    falseShareWithoutLookBack: Number(falseShareWithoutLookBack) / 100,
  }),
);
