import type { TimelineEntry } from '../../domain/timeline.js';
import { percent } from '../../domain/telling.js';
import { timestamp } from './durations.js';
import { sentenceOf } from './evidence.js';
import { table } from './table.js';

/** Every decision with its time, its author and its evidence (R34); what senders merely claimed is marked. */
export function timelineLines(entries: readonly TimelineEntry[]): readonly string[] {
  const rows = table(entries.map((entry) => [timestamp(entry.at), percent(entry.weightBp), author(entry), entry.what]));
  return entries.flatMap((entry, index) => [rows[index] ?? '', ...(entry.gates ?? []).map((gate) => `    ${sentenceOf(gate)}`)]);
}

export function author({ by }: Pick<TimelineEntry, 'by'>): string {
  return by.verified ? by.name : `${by.name} (claimed)`;
}
