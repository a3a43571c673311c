/** What the demo's service is made of: a file cache, a model file, a secret file and a vector store. All of it is real; all of it is small. */
import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WarmChecks } from '../../guard/index.js';

const DIMENSIONS = 16;
const TOP_K = 10;

const CHUNKS = [
  'a canary takes a small share of the users first',
  'a rollback puts everybody back on the stable revision',
  'a lease ends by itself when nobody renews it',
  'a drain waits until the open streams have ended',
  'a gate compares the candidate with stable',
  'an approval is given by a person',
  'a soak is the time a step is watched',
  'the bake is the soak at one hundred percent',
  'a pinned request goes to a named revision',
  'a cold start is slower than a warm one',
  'a schema pin must match on both sides',
  'a frozen rollout waits for a human',
];

interface Model {
  readonly weights: readonly number[];
}

/** Writes the files that a revision needs; a deployment would do that. */
export function deployFiles(folder: string): void {
  mkdirSync(join(folder, 'cache'), { recursive: true });
  writeFileSync(
    join(folder, 'model.json'),
    JSON.stringify({ weights: Array.from({ length: DIMENSIONS }, (_, i) => 1 / (i + 1)) }),
  );
  writeFileSync(join(folder, 'secret'), 'demo-secret-of-no-value');
  writeFileSync(join(folder, 'vectors.json'), JSON.stringify(CHUNKS));
}

export class Answers {
  private readonly model: Model;
  private readonly secret: string;
  private readonly vectors: readonly { readonly text: string; readonly vector: readonly number[] }[];

  constructor(private readonly folder: string) {
    this.model = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as Model;
    this.secret = readFileSync(join(folder, 'secret'), 'utf8');
    const chunks = JSON.parse(readFileSync(join(folder, 'vectors.json'), 'utf8')) as string[];
    this.vectors = chunks.map((text) => ({ text, vector: this.embed(text) }));
  }

  /** The nearest chunks, signed. */
  ask(question: string): { readonly chunks: readonly string[]; readonly signature: string } {
    const wanted = this.embed(question);
    const chunks = this.vectors
      .map(({ text, vector }) => ({ text, score: dot(wanted, vector) }))
      .sort((one, other) => other.score - one.score)
      .slice(0, TOP_K)
      .map(({ text }) => text);
    return { chunks, signature: createHmac('sha256', this.secret).update(chunks.join('\n')).digest('hex') };
  }

  /** The four checks of R13. Each touches the real thing, so that breaking any one fails the warm-up. */
  get warm(): WarmChecks {
    return {
      cache: () => {
        const file = join(this.folder, 'cache', 'warm');
        writeFileSync(file, 'x');
        if (readFileSync(file, 'utf8') !== 'x') throw new Error('what was written does not come back');
        rmSync(file);
      },
      model: () => {
        const { weights } = JSON.parse(readFileSync(join(this.folder, 'model.json'), 'utf8')) as Partial<Model>;
        if (weights?.length !== DIMENSIONS) throw new Error(`${weights?.length ?? 0} weights, expected ${DIMENSIONS}`);
      },
      secrets: () => {
        if (readFileSync(join(this.folder, 'secret')).length === 0) throw new Error('the secret is empty');
      },
      vectors: () => {
        const { length } = JSON.parse(readFileSync(join(this.folder, 'vectors.json'), 'utf8')) as unknown[];
        if (length < TOP_K) throw new Error(`${length} vectors, expected at least ${TOP_K}`);
      },
    };
  }

  /** Words hashed into a few dimensions, weighted by the model, normalised. */
  private embed(text: string): readonly number[] {
    const vector = new Array<number>(DIMENSIONS).fill(0);
    for (const word of text.toLowerCase().split(/\W+/)) {
      let hash = 7;
      for (const character of word) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
      const at = hash % DIMENSIONS;
      vector[at] = (vector[at] ?? 0) + (this.model.weights[at] ?? 1);
    }
    const length = Math.hypot(...vector) || 1;
    return vector.map((value) => value / length);
  }
}

const dot = (one: readonly number[], other: readonly number[]): number =>
  one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0);
