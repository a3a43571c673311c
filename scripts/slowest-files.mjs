/** A reporter of `node:test`: which files took longest, so that whoever wants to save minutes knows where. */
const SHOWN = 15;

/** @param {AsyncIterable<import('node:test/reporters').TestEvent>} events */
export default async function* slowestFiles(events) {
  /** @type {Map<string, number>} */
  const took = new Map();
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.nesting !== 0 || data.file === undefined) continue;
    took.set(data.file, (took.get(data.file) ?? 0) + data.details.duration_ms);
  }
  const slowest = [...took].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  for (const [file, ms] of slowest) yield `${(ms / 1_000).toFixed(0).padStart(6)} s  ${file.replace(`${process.cwd()}/`, '')}\n`;
}
