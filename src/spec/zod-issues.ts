import type { z } from 'zod';
import { startsWith, type Path } from './paths.js';

/** What a schema did not accept: a value, or a key that it does not know. */
export type SchemaIssue =
  | { readonly kind: 'value'; readonly path: Path; readonly expected: string }
  | { readonly kind: 'key'; readonly path: Path; readonly expected: string }
  | { readonly kind: 'unknown-key'; readonly path: Path; readonly known: readonly string[] };

/** Zod's issues in our words. A union's are those of the alternative that was meant. */
export function toSchemaIssues(issues: readonly z.core.$ZodIssue[], above: Path = []): readonly SchemaIssue[] {
  return issues.flatMap((issue): readonly SchemaIssue[] => {
    const path: Path = [...above, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
    switch (issue.code) {
      case 'unrecognized_keys': {
        // `section` lists the known keys in its message.
        const known = issue.message.split(' ');
        return issue.keys.map((key) => ({ kind: 'unknown-key', path: [...path, key], known }));
      }
      case 'invalid_key':
        return [{ kind: 'key', path, expected: issue.issues[0]?.message ?? issue.message }];
      case 'invalid_union': {
        const meant = alternativeMeant(issue.errors);
        return meant === undefined ? [{ kind: 'value', path, expected: issue.message }] : toSchemaIssues(meant, path);
      }
      default:
        return [{ kind: 'value', path, expected: issue.message }];
    }
  });
}

/** An alternative that accepts the value's type and minds only something inside it; undefined where there is none. */
function alternativeMeant(alternatives: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const inside = alternatives.filter((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  );
  return inside.toSorted((a, b) => a.length - b.length)[0];
}

/** One issue a value is enough: a pattern and a range may both complain. */
export function withoutRepeats(issues: readonly SchemaIssue[]): readonly SchemaIssue[] {
  return issues.filter(
    (issue, index) =>
      !issues.slice(0, index).some((other) => other.path.length === issue.path.length && startsWith(issue.path, other.path)),
  );
}
