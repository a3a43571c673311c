/** Two sets of labels, as people write them in PromQL → the pair of revisions that a metric source tells apart. */
import type { MeasuredPair } from '../../providers/ports.js';

export type LabelSet = Readonly<Record<string, string>>;

export interface ComparedPair {
  readonly pair: MeasuredPair;
  /** For a source's mapping: which label holds which field of a revision, and the labels that both share. */
  readonly revision: Readonly<Record<string, 'id' | 'release' | 'slot'>>;
  readonly fixed: LabelSet;
}

const LABEL = /^\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*$/;

/** `version="42",region="eu"`, in braces or not; undefined where it is anything else. Only equality can tell two sets apart. */
export function parseLabelSet(text: string): LabelSet | undefined {
  const inside = /^\s*\{(.*)\}\s*$/.exec(text)?.[1] ?? text;
  // A comma inside quotes belongs to the value.
  const parts = inside.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  const labels = parts.map((part) => LABEL.exec(part));
  if (labels.length === 0 || labels.some((label) => label === null)) return undefined;
  const entries = labels.map((label): [string, string] => [label?.[1] ?? '', (label?.[2] ?? '').replace(/\\(.)/g, '$1')]);
  return new Set(entries.map(([name]) => name)).size === entries.length ? Object.fromEntries(entries) : undefined;
}

const FIELDS = ['release', 'id', 'slot'] as const;

export type Paired = ComparedPair | { readonly refused: string };

/** A label that one set lacks must be empty there. A revision has three fields, so that at most three labels may differ. */
export function pairOf(stable: LabelSet, candidate: LabelSet): Paired {
  const names = [...new Set([...Object.keys(stable), ...Object.keys(candidate)])];
  const differing = names.filter((name) => stable[name] !== candidate[name]);
  if (differing.length === 0) return { refused: 'found the same labels for both, expected two sets that differ' };
  if (differing.length > FIELDS.length)
    return {
      refused: `found ${differing.length} labels that differ (${differing.join(', ')}), expected at most ${FIELDS.length}`,
    };
  const revisionOf = (labels: LabelSet): MeasuredPair['stable'] => {
    const [release = '', id = release, slot = release] = differing.map((name) => labels[name] ?? '');
    return { release, id, slot };
  };
  return {
    pair: { stable: revisionOf(stable), candidate: revisionOf(candidate) },
    revision: Object.fromEntries(differing.map((name, k) => [name, FIELDS[k] ?? 'release'])),
    fixed: Object.fromEntries(names.filter((name) => !differing.includes(name)).map((name) => [name, stable[name] ?? ''])),
  };
}
