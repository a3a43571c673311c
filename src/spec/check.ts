import type { z } from 'zod';
import { NEVER_SHOWN } from './secret-schema.js';
import { oneOf, nearest } from './suggest.js';
import { renderPath, startsWith, type Path } from './paths.js';
import type { Problem } from './problems.js';
import type { Tree } from './tree.js';
import { toSchemaIssues, withoutRepeats, type SchemaIssue } from './zod-issues.js';

export interface Checked<T> {
  readonly problems: readonly Problem[];
  /** What is sound of the file, so that the rules between fields can be checked too. Only complete where there is no problem. */
  readonly sound: Partial<T>;
  /** Fields that were left out of `sound`, or that are missing. */
  readonly unsound: readonly Path[];
}

const MOST_ROUNDS = 20;

/** `reported` already have their problem. Fields that are wrong are taken out of the tree. */
export type Check<T> = (tree: Tree, reported: readonly Path[]) => Checked<T>;

/** Holds a tree against the schema and reports everything that is wrong at once. Made once: zod compiles a schema on first use. */
export function checker<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape, z.core.$strict>,
): Check<z.output<z.ZodObject<Shape>>> {
  const lenient = schema.partial();
  return (tree, reported) => {
    const first = schema.safeParse(tree.value);
    const issues = first.success ? [] : withoutRepeats(toSchemaIssues(first.error.issues));
    const problems = issues
      .filter(({ path }) => !reported.some((other) => startsWith(path, other)))
      .map((issue) => toProblem(issue, tree));
    const wrong = [...reported, ...issues.map(({ path }) => path)];
    const unsound = [...wrong, ...removeFields(wrong, tree)];
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const again = lenient.safeParse(tree.value);
      if (again.success) return { problems, sound: again.data as Partial<z.output<z.ZodObject<Shape>>>, unsound };
      const still = toSchemaIssues(again.error.issues).map(({ path }) => path);
      unsound.push(...removeFields(still, tree));
    }
    return { problems, sound: {}, unsound: [[]] };
  };
}

/** A value that is missing makes the mapping wrong that should have it; a wrong item makes the list wrong. */
function removeFields(wrong: readonly Path[], tree: Tree): readonly Path[] {
  const fields = wrong.map((path) => fieldOf(tree.has(path) ? path : path.slice(0, -1))).filter((field) => field.length > 0);
  for (const field of fields) tree.remove(field);
  return fields;
}

function fieldOf(path: Path): Path {
  return path.slice(0, path.findLastIndex((part) => typeof part === 'string') + 1);
}

function toProblem(issue: SchemaIssue, tree: Tree): Problem {
  const path = renderPath(issue.path);
  switch (issue.kind) {
    case 'value': {
      const present = tree.has(issue.path);
      const found = present && NEVER_SHOWN.has(issue.expected) ? 'a value that is not shown' : tree.describe(issue.path);
      return { position: tree.positionOf(issue.path), path, found, expected: issue.expected };
    }
    case 'key':
      return {
        position: tree.keyPositionOf(issue.path),
        path,
        found: `the key ${JSON.stringify(issue.path.at(-1))}`,
        expected: issue.expected,
      };
    case 'unknown-key': {
      const likely = nearest(String(issue.path.at(-1)), issue.known);
      const advice =
        likely === undefined ? { expected: oneOf(issue.known) } : { expected: 'a known key', hint: `did you mean ${likely}?` };
      return { position: tree.keyPositionOf(issue.path), path, found: 'an unknown key', ...advice };
    }
  }
}
