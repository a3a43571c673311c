/** What people who know Argo Rollouts, Flagger or older drafts write, and what it is called here. */
const SYNONYMS: Readonly<Record<string, string>> = {
  analysis: 'gates',
  app: 'service',
  approvals: 'approval',
  canary: 'candidate',
  duration: 'soak',
  env: 'environment',
  interval: 'tick',
  namespace: 'environment',
  pause: 'soak',
  setWeight: 'weight',
  stepWeights: 'steps',
  threshold: 'tolerance',
  version: 'release',
  windows: 'changeWindows',
};

/** The known name that was probably meant, or undefined where none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const synonym = Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name] : undefined;
  if (synonym !== undefined && known.includes(synonym)) return synonym;
  const limit = Math.max(1, Math.floor(name.length / 3));
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .toSorted((a, b) => a.distance - b.distance);
  return best?.candidate;
}

/** For messages: `one of blue, green`, and the likely one as a hint. */
export function oneOf(known: readonly string[]): string {
  return known.length === 0 ? 'none (none is configured)' : known.length === 1 ? String(known[0]) : `one of ${known.join(', ')}`;
}

export function didYouMean(name: string, known: readonly string[]): { readonly hint?: string } {
  const likely = nearest(name, known);
  return likely === undefined ? {} : { hint: `did you mean ${likely}?` };
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). Long names are compared by their beginning. */
function editDistance(a: string, b: string): number {
  const left = a.slice(0, 64);
  const right = b.slice(0, 64);
  let before: number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min((above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (above[column - 1] ?? 0) + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    before = above;
    above = current;
  }
  return above[right.length] ?? 0;
}
