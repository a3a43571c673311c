import { isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import { renderPath, type Path } from './paths.js';
import { type Position, type Problem } from './problems.js';
import { substitute, type Environment } from './substitution.js';
import { emptyMapping, Tree } from './tree.js';

interface YamlSource {
  /** Name for messages. */
  readonly file: string;
  readonly env: Environment;
  /** Whether messages may show what the environment put into a placeholder. */
  readonly showsSubstituted: boolean;
}

interface ReadYaml {
  readonly tree: Tree;
  readonly problems: readonly Problem[];
  /** Values that already have a problem: what follows from them is not reported again. */
  readonly reported: readonly Path[];
}

const LONGEST_TEXT = 128 * 1024;
const DEEPEST = 40;
const MOST_SYNTAX_ERRORS = 10;
const MOST_NODES = 10_000;
/** Resolving one walks the document. */
const MOST_ALIASES = 100;

/** Reads one mapping. Placeholders are replaced inside scalars that are already parsed. Never throws, whatever the text. */
export function readYaml(text: string, source: YamlSource): ReadYaml {
  const lines = new LineCounter();
  const start: Position = { kind: 'file', file: source.file, line: 1, column: 1 };
  const broken = (problems: readonly Problem[]): ReadYaml => ({
    tree: new Tree(start, source.showsSubstituted),
    problems,
    reported: [[]],
  });
  const unsuitable = unsuitableText(text);
  if (unsuitable !== undefined) return broken([{ position: start, path: '', ...unsuitable }]);

  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { kind: 'file', file: source.file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (document.errors.length > 0) {
    // One slip breaks much that follows.
    const reasons = document.errors
      .slice(0, MOST_SYNTAX_ERRORS)
      .map((error) => ({
        position: positionAt(error.pos[0]),
        path: '',
        found: 'broken YAML',
        expected: 'one YAML mapping',
        hint: error.message,
      }));
    return broken(reasons);
  }
  return new Walk(document, source, start, positionAt).read();
}

class Walk {
  private readonly problems: Problem[] = [];
  private readonly reported: Path[] = [];
  private readonly tree: Tree;
  private nodes = 0;
  private aliases = 0;
  private unfolds = false;

  constructor(
    private readonly document: Document.Parsed,
    private readonly source: YamlSource,
    start: Position,
    private readonly positionAt: (offset: number) => Position,
  ) {
    this.tree = new Tree(start, source.showsSubstituted);
  }

  read(): ReadYaml {
    const root: unknown = this.document.contents;
    if (isMap(root)) this.tree.value = this.visit(root, []);
    else
      this.report([], this.positionOf(root as Node | null), root === null ? 'an empty file' : 'no mapping', 'one YAML mapping');
    return { tree: this.tree, problems: this.problems, reported: this.reported };
  }

  private visit(node: unknown, path: Path): unknown {
    const position = this.positionOf(node as Node | null);
    if (path.length > 0) this.tree.place(path, position);
    if (++this.nodes > MOST_NODES || path.length > DEEPEST) return this.unfoldsWithoutEnd(path, position);
    if (isAlias(node)) {
      if (++this.aliases > MOST_ALIASES) return this.unfoldsWithoutEnd(path, position);
      const target = node.resolve(this.document);
      if (target !== undefined) return this.visit(target, path);
      return this.report(path, position, `the alias *${node.source} without an anchor`, 'an anchor before it');
    }
    const tag = (node as Node | null)?.tag;
    if (tag !== undefined) return this.report(path, position, `the tag ${tag}`, 'plain YAML without tags');
    if (isMap(node)) return this.visitMap(node.items, path);
    if (isSeq(node)) return node.items.map((item, index) => this.visit(item, [...path, index]));
    return isScalar(node) ? this.scalar(node.value, node.source, path, position) : null;
  }

  private visitMap(items: readonly { key: unknown; value: unknown }[], path: Path): unknown {
    const mapping = emptyMapping();
    for (const { key, value } of items) {
      const keyPosition = this.positionOf(key as Node | null);
      if (!isScalar(key) || typeof key.value !== 'string' || key.tag !== undefined) {
        this.report([...path, String(key)], keyPosition, 'a key that is no plain text', 'a key that is text');
        continue;
      }
      const here = [...path, key.value];
      mapping[key.value] = this.visit(value, here);
      this.tree.place(here, (value as Node | null)?.range ? this.positionOf(value as Node) : keyPosition, keyPosition);
    }
    return mapping;
  }

  private scalar(value: unknown, written: string | undefined, path: Path, position: Position): unknown {
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
    // YAML 1.1 makes dates of some scalars: the text that was written is meant.
    const text = typeof value === 'string' ? value : (written ?? '');
    const result = substitute(text, this.source.env);
    switch (result.kind) {
      case 'text':
        if (result.changed) this.tree.notePlaceholder(path, text);
        return result.text;
      case 'unset':
        this.report(
          path,
          position,
          `\${${result.name}}`,
          `the environment variable ${result.name} to be set`,
          'write $${ for a literal ${',
        );
        return text;
      case 'malformed':
        this.report(path, position, JSON.stringify(result.placeholder), 'a placeholder ${NAME}', 'write $${ for a literal ${');
        return text;
    }
  }

  /** Aliases of aliases, or one that holds itself. Said once. */
  private unfoldsWithoutEnd(path: Path, position: Position): null {
    if (this.unfolds) return null;
    this.unfolds = true;
    return this.report(
      path,
      position,
      'a file that unfolds without end',
      `at most ${String(MOST_NODES)} values, ${String(MOST_ALIASES)} aliases and ${String(DEEPEST)} levels`,
    );
  }

  private positionOf(node: Node | null): Position {
    return this.positionAt(node?.range?.[0] ?? 0);
  }

  private report(path: Path, position: Position, found: string, expected: string, hint?: string): null {
    this.problems.push({ position, path: renderPath(path), found, expected, ...(hint === undefined ? {} : { hint }) });
    this.reported.push(path);
    return null;
  }
}

/**
 * Refuses what the parser cannot survive. It recurses, and running out of stack inside it ended the whole process
 * (`RegExpCompiler Allocation failed`, found with 100,000 brackets), so the depth is bounded before it starts.
 */
function unsuitableText(text: string): Pick<Problem, 'found' | 'expected'> | undefined {
  if (text.length > LONGEST_TEXT)
    return { found: `a file of ${String(text.length)} characters`, expected: `at most ${String(LONGEST_TEXT)}` };
  let flow = 0;
  let indicators = 0;
  let indent = 0;
  let atLineStart = true;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') flow++;
    else if (token === ']' || token === '}') flow = Math.max(0, flow - 1);
    else if (token === '-' || token === '?' || token === ':') indicators++;
    else if (token === ',') indicators = 0;
    else if (token === '\n' || token === '\r\n') [indicators, indent, atLineStart] = [0, 0, true];
    else if (atLineStart && /^ +$/.test(token)) indent = token.length;
    if (token !== '\n' && token !== '\r\n') atLineStart = false;
    // A block is nested once for each column of indentation and each indicator on its line, or of its entry, at the most.
    if (flow > DEEPEST || indicators > DEEPEST || indent > 4 * DEEPEST)
      return { found: 'a file nested too deeply', expected: `at most ${String(DEEPEST)} levels` };
  }
  return undefined;
}
