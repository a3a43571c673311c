import { renderPath, startsWith, type Path } from './paths.js';
import type { Problem } from './problems.js';
import type { Tree } from './tree.js';

/** Something a plan may not say, before it is known where it was written. */
export interface Finding {
  /** Fields that may have said it, the most telling first. */
  readonly paths: readonly [Path, ...Path[]];
  /** As the plan has it: for a value that no file wrote. */
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

/** The written field is named and shown as it was written; a value that nobody wrote is said to come from the profile. */
export function locate(
  finding: Finding,
  tree: Tree,
  { under = [], origin }: { readonly under?: Path; readonly origin: string },
): Problem {
  const candidates = finding.paths.map((path) => [...under, ...path]);
  const written = candidates.find((path) => tree.has(path));
  const path = written ?? candidates[0] ?? under;
  const { expected, hint } = finding;
  return {
    position: tree.positionOf(path),
    path: renderPath(path),
    found: written === undefined ? `${finding.found} (${origin})` : shown(tree, path, finding),
    expected,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** A scalar speaks for itself; of a mapping only the plan's words are of use. */
function shown(tree: Tree, path: Path, finding: Finding): string {
  return typeof tree.get(path) === 'object' ? finding.found : tree.describe(path);
}

/** Whether it says something of these fields. */
export function isAbout({ paths }: Finding, fields: readonly Path[], under: Path = []): boolean {
  return paths.some((path) => fields.some((field) => overlap([...under, ...path], field)));
}

function overlap(a: Path, b: Path): boolean {
  return startsWith(a, b) || startsWith(b, a);
}
