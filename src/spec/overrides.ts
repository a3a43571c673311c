import { parsePath, renderPath, type Path } from './paths.js';
import type { Position, Problem } from './problems.js';
import { emptyMapping, isMapping, type Tree } from './tree.js';
import { readYaml } from './yaml.js';

const POSITION: Position = { kind: 'set' };

/**
 * Applies `path=value` arguments in order. A value is text, which the schema then reads as a number, a duration or a switch
 * where one is wanted; one that begins with `[` or `{` is a YAML list or mapping. Nothing is substituted: the shell did that.
 */
export function applyOverrides(tree: Tree, set: readonly string[]): readonly Problem[] {
  return set.flatMap((argument) => {
    const problem = applyOne(tree, argument);
    return problem === undefined ? [] : [{ position: POSITION, ...problem }];
  });
}

type Refused = Omit<Problem, 'position'> | undefined;

function applyOne(tree: Tree, argument: string): Refused {
  const [name, ...rest] = argument.split('=');
  const path = rest.length === 0 ? undefined : parsePath(name ?? '');
  if (path === undefined)
    return { path: '', found: JSON.stringify(argument), expected: 'path=value, such as drain.min=90s or steps[1].soak=20m' };
  const value = readValue(path, rest.join('='));
  if (value.kind === 'broken') return value.problem;
  const blocked = makeParents(tree, path);
  if (blocked !== undefined) return blocked;
  tree.set(path, value.value, POSITION);
  return undefined;
}

function readValue(
  path: Path,
  text: string,
): { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'broken'; readonly problem: Refused } {
  if (!/^[[{]/.test(text)) return { kind: 'value', value: text };
  // Escaped, so that a `${` of the argument stays what it is.
  const { tree, problems } = readYaml(`value: ${text.replaceAll('${', '$$${')}`, {
    file: '--set',
    env: {},
    showsSubstituted: true,
  });
  const [problem] = problems;
  if (problem === undefined) return { kind: 'value', value: tree.get(['value']) };
  return {
    kind: 'broken',
    problem: {
      path: renderPath(path),
      found: JSON.stringify(text),
      expected: 'a YAML list or mapping on one line',
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    },
  };
}

/** Creates the mappings above `path` where there are none. Gives a problem where something else stands in the way. */
function makeParents(tree: Tree, path: Path): Refused {
  for (let length = 1; length <= path.length; length++) {
    const here = path.slice(0, length);
    const above = path.slice(0, length - 1);
    const parent = tree.get(above);
    const part = here.at(-1);
    const wanted = typeof part === 'number' ? 'a list' : 'a mapping';
    if (typeof part === 'number' ? !Array.isArray(parent) : !isMapping(parent)) {
      return {
        path: renderPath(path),
        found: `${tree.describe(above)}${above.length === 0 ? '' : ` at ${renderPath(above)}`}`,
        expected: wanted,
        hint: `set ${renderPath(above)} as a whole`,
      };
    }
    if (typeof part === 'number' && part > (parent as unknown[]).length) {
      return {
        path: renderPath(path),
        found: `the index ${String(part)}`,
        expected: `at most ${String((parent as unknown[]).length)}`,
      };
    }
    if (length < path.length && !tree.has(here)) tree.set(here, emptyMapping(), POSITION);
  }
  return undefined;
}
