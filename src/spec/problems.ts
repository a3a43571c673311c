/** Where a value was written: in a file, or on the command line with `--set`. Lines and columns count from 1. */
export type Position =
  { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number } | { readonly kind: 'set' };

/** One thing that is wrong with a file, complete enough to be corrected without reading the manual. */
export interface Problem {
  readonly position: Position;
  /** `steps[2].soak`; empty for the file as a whole. */
  readonly path: string;
  readonly found: string;
  /** What is allowed here. */
  readonly expected: string;
  /** Why, or what to do. */
  readonly hint?: string;
}

/** `rollout.yaml:7:12 steps[2]: found 25, expected more than the step before (25 %); weights rise strictly`. Always one line. */
export function renderProblem({ position, path, found, expected, hint }: Problem): string {
  const where = position.kind === 'set' ? '--set' : `${position.file}:${String(position.line)}:${String(position.column)}`;
  return onOneLine(
    `${where}${path === '' ? '' : ` ${path}`}: found ${found}, expected ${expected}${hint === undefined ? '' : `; ${hint}`}`,
  );
}

/** A file may hold line ends and terminal controls that would forge lines of a log. */
function onOneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** In the order in which a person meets them: down the file, then along the command line. */
export function inReadingOrder(problems: readonly Problem[]): readonly Problem[] {
  const rank = ({ position }: Problem): readonly [number, number] =>
    position.kind === 'set' ? [Infinity, 0] : [position.line, position.column];
  return problems.toSorted((a, b) => {
    const [lineA, columnA] = rank(a);
    const [lineB, columnB] = rank(b);
    return lineA === lineB ? columnA - columnB : lineA - lineB;
  });
}

/** What was found, in a few words and on one line, whatever it is. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'an empty value';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${String(value.length)}`;
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return JSON.stringify(shortened(value));
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a ${typeof value}`;
}

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
