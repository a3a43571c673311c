/** Two plots as SVG, in colours that can be read on light and on dark ground. */
import { RATES } from './identical.js';

type Rows = readonly Readonly<Record<string, unknown>>[];

const INK = '#7a828c';
const COLOURS = { sluice: '#2f9e44', window: '#e8590c', cumulative: '#c99a06', rank: '#7c6ff0' } as const;
const WIDTH = 860;
const HEIGHT = 400;
const PLOT = { left: 64, right: 20, top: 56, bottom: 74 };
const INNER = { width: WIDTH - PLOT.left - PLOT.right, height: HEIGHT - PLOT.top - PLOT.bottom };

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${words}</text>`;
const line = (x1: number, y1: number, x2: number, y2: number, more = ''): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${more}/>`;

function drawing(title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}" font-family="system-ui, sans-serif" font-size="12" fill="${INK}">
<title>${title}</title>
${text(PLOT.left, 18, title, 'font-size="14" font-weight="600"')}
${parts.join('\n')}
</svg>
`;
}

function legend(entries: readonly { readonly name: string; readonly colour: string; readonly dash?: string }[]): string {
  let x = PLOT.left;
  return entries
    .map(({ name, colour, dash }) => {
      const mark = line(
        x,
        36,
        x + 18,
        36,
        `stroke="${colour}" stroke-width="4"${dash === undefined ? '' : ` stroke-dasharray="${dash}"`}`,
      );
      const label = text(x + 24, 40, name);
      x += 46 + 6.6 * name.length;
      return mark + label;
    })
    .join('\n');
}

const share = (value: number): string => `${Number((value * 100).toPrecision(3))} %`;

/** Share of identical releases that each rule rolls back, by traffic and error rate. */
export function falseAlarms(rows: Rows): string {
  const series = [
    { name: 'Sluice', key: 'judge', colour: COLOURS.sluice },
    { name: 'literal, 1-minute windows', key: 'literal, 1-minute windows', colour: COLOURS.window },
    { name: 'literal, cumulative', key: 'literal, cumulative', colour: COLOURS.cumulative },
    { name: 'Mann-Whitney', key: 'Mann-Whitney', colour: COLOURS.rank },
  ];
  const y = (value: number): number => PLOT.top + INNER.height * (1 - value);
  const cellWidth = INNER.width / rows.length;
  const barWidth = (cellWidth - 12) / series.length;
  const axis = [0, 0.25, 0.5, 0.75, 1].map(
    (value) =>
      line(PLOT.left, y(value), WIDTH - PLOT.right, y(value), `stroke="${INK}" stroke-opacity="${value === 0 ? 1 : 0.25}"`) +
      text(PLOT.left - 8, y(value) + 4, share(value), 'text-anchor="end"'),
  );
  const bars = rows.flatMap((row, k) => {
    const left = PLOT.left + k * cellWidth + 6;
    return [
      ...series.map(({ key, colour }, s) => {
        const value = Number(row[key] ?? 0);
        // A rule that never does it still has a mark, so that its place is not taken for a gap.
        const height = Math.max(1.5, INNER.height * value);
        return `<rect x="${(left + s * barWidth).toFixed(1)}" y="${(y(0) - height).toFixed(1)}" width="${(barWidth - 1).toFixed(1)}" height="${height.toFixed(1)}" fill="${colour}"/>`;
      }),
      text(left + (cellWidth - 12) / 2, y(0) + 16, share(Number(row['errorRate'])), 'text-anchor="middle"'),
    ];
  });
  const groups = RATES.map((rps, g) => {
    const width = INNER.width / RATES.length;
    return text(PLOT.left + (g + 0.5) * width, y(0) + 34, `${rps} requests/s`, 'text-anchor="middle" font-weight="600"');
  });
  const edges = RATES.slice(1).map((_, g) => {
    const x = PLOT.left + ((g + 1) * INNER.width) / RATES.length;
    return line(x, PLOT.top, x, y(0) + 38, `stroke="${INK}" stroke-opacity="0.4" stroke-dasharray="3 3"`);
  });
  const below = text(
    PLOT.left + INNER.width / 2,
    HEIGHT - 14,
    'error rate of both revisions, by traffic',
    'text-anchor="middle"',
  );
  const beside = text(
    0,
    0,
    'rolled back',
    `text-anchor="middle" transform="translate(14 ${PLOT.top + INNER.height / 2}) rotate(-90)"`,
  );
  return drawing('Identical releases that each rule rolls back', [
    legend(series),
    ...axis,
    ...bars,
    ...groups,
    ...edges,
    below,
    beside,
  ]);
}

/** Median seconds to fail by how bad the candidate is, at 5 % weight against a stable with 0.1 % errors. */
export function detectionTimes(rows: Rows): string {
  const seconds = [5, 10, 30, 60, 120, 300, 600];
  const rates = [0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 1];
  const x = (rate: number): number => PLOT.left + 24 + ((INNER.width - 48) * Math.log(rate / 0.002)) / Math.log(1 / 0.002);
  const top = PLOT.top + 26;
  const y = (s: number): number => top + (INNER.height - 26) * (1 - Math.log(s / 5) / Math.log(600 / 5));
  const never = PLOT.top + 8;
  const of = (rps: number, rate: number): Readonly<Record<string, unknown>> | undefined =>
    rows.find((row) => row['stable'] === 0.001 && row['weight'] === 0.05 && row['rps'] === rps && row['candidate'] === rate);
  const series = [
    { name: 'Sluice, 20/s', rps: 20, key: 'product', colour: '#74c69d', dash: '' },
    { name: '200/s', rps: 200, key: 'product', colour: COLOURS.sluice, dash: '' },
    { name: '2000/s', rps: 2_000, key: 'product', colour: '#1b7f5c', dash: '' },
    { name: 'literal 1-minute, 200/s', rps: 200, key: 'literal, 1-minute windows', colour: COLOURS.window, dash: '6 4' },
    { name: 'Mann-Whitney, 200/s', rps: 200, key: 'Mann-Whitney', colour: COLOURS.rank, dash: '2 4' },
  ];
  const axis = [
    ...seconds.map(
      (s) =>
        line(PLOT.left, y(s), WIDTH - PLOT.right, y(s), `stroke="${INK}" stroke-opacity="0.25"`) +
        text(PLOT.left - 8, y(s) + 4, `${s} s`, 'text-anchor="end"'),
    ),
    text(PLOT.left - 8, never + 4, 'later', 'text-anchor="end"'),
    line(PLOT.left, PLOT.top + INNER.height, WIDTH - PLOT.right, PLOT.top + INNER.height, `stroke="${INK}"`),
    ...rates.map((rate) => text(x(rate), PLOT.top + INNER.height + 18, share(rate), 'text-anchor="middle"')),
  ];
  const curves = series.map(({ rps, key, colour, dash }) => {
    const points = rates.flatMap((rate) => {
      const found = of(rps, rate)?.[key] as { readonly median: number | null } | undefined;
      return found === undefined ? [] : [{ x: x(rate), y: found.median === null ? never : y(found.median / 1_000) }];
    });
    const path = points.map((point, k) => `${k === 0 ? 'M' : 'L'}${point.x.toFixed(1)} ${point.y.toFixed(1)}`).join(' ');
    const dots = points.map(
      (point) => `<circle cx="${point.x.toFixed(1)}" cy="${point.y.toFixed(1)}" r="3.5" fill="${colour}"/>`,
    );
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2.5"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}/>${dots.join('')}`;
  });
  const below = text(
    PLOT.left + INNER.width / 2,
    HEIGHT - 14,
    'error rate of the candidate (stable 0.1 %, candidate gets 5 %)',
    'text-anchor="middle"',
  );
  const beside = text(
    0,
    0,
    'median time to fail',
    `text-anchor="middle" transform="translate(14 ${PLOT.top + INNER.height / 2}) rotate(-90)"`,
  );
  return drawing('How long a worse release stays unnoticed', [legend(series), ...axis, ...curves, below, beside]);
}
