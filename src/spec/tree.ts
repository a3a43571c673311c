import { renderPath, type Path } from './paths.js';
import { describeValue, type Position } from './problems.js';

/** Data without a prototype: a key named `__proto__` or `constructor` is a key like any other. */
export type Mapping = Record<string, unknown>;

export function emptyMapping(): Mapping {
  return Object.create(null) as Mapping;
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Plain data that remembers where each of its values was written. */
export class Tree {
  private readonly positions = new Map<string, Position>();
  private readonly keyPositions = new Map<string, Position>();
  private readonly placeholders = new Map<string, string>();

  constructor(
    private readonly root: Position,
    /** Whether messages may show what the environment put into a placeholder. */
    private readonly showsSubstituted: boolean,
    public value: unknown = emptyMapping(),
  ) {}

  get(path: Path): unknown {
    return path.reduce<unknown>((value, part) => (value === undefined ? undefined : childOf(value, part)), this.value);
  }

  has(path: Path): boolean {
    return this.get(path) !== undefined;
  }

  /** The nearest written place: a missing field is reported where its mapping begins. */
  positionOf(path: Path): Position {
    return this.nearest(path, this.positions);
  }

  keyPositionOf(path: Path): Position {
    return this.keyPositions.get(renderPath(path)) ?? this.positionOf(path);
  }

  /** What stands at `path`, for a message. */
  describe(path: Path): string {
    const template = this.placeholders.get(renderPath(path));
    if (template === undefined) return describeValue(this.get(path));
    return this.showsSubstituted ? `${describeValue(this.get(path))} (from ${template})` : template;
  }

  place(path: Path, position: Position, keyPosition?: Position): void {
    this.positions.set(renderPath(path), position);
    if (keyPosition !== undefined) this.keyPositions.set(renderPath(path), keyPosition);
  }

  notePlaceholder(path: Path, template: string): void {
    this.placeholders.set(renderPath(path), template);
  }

  /** Puts `value` at `path`. The parent exists: a mapping, or a list with an index inside it or just behind it. */
  set(path: Path, value: unknown, position: Position): void {
    const part = path.at(-1);
    const parent = this.get(path.slice(0, -1));
    if (part === undefined || typeof parent !== 'object' || parent === null)
      throw new TypeError(`no parent for ${renderPath(path)}`);
    (parent as Mapping)[part] = value;
    this.forget(path);
    this.place(path, position, position);
  }

  /** Takes a field away, so that its default holds. */
  remove(field: Path): void {
    const parent = this.get(field.slice(0, -1));
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a mapping of a file, not an object of ours
    if (isMapping(parent)) delete parent[String(field.at(-1))];
  }

  private nearest(path: Path, positions: ReadonlyMap<string, Position>): Position {
    for (let length = path.length; length > 0; length--) {
      const position = positions.get(renderPath(path.slice(0, length)));
      if (position !== undefined) return position;
    }
    return this.root;
  }

  private forget(path: Path): void {
    const text = renderPath(path);
    for (const known of [this.positions, this.keyPositions, this.placeholders]) {
      for (const key of known.keys()) {
        if (key === text || key.startsWith(`${text}.`) || key.startsWith(`${text}[`)) known.delete(key);
      }
    }
  }
}

function childOf(value: unknown, part: string | number): unknown {
  if (typeof part === 'number') return Array.isArray(value) ? (value as unknown[])[part] : undefined;
  return isMapping(value) ? value[part] : undefined;
}
