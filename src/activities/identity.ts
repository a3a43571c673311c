import type { SchemaPins } from '../domain/words.js';
import type { ProbeRecipe } from '../providers/ports.js';
import type { Tools } from './dependencies.js';
import { isRecord, parseObject } from './json.js';
import { askPinned } from './pinned-request.js';

const IDENTITY_PATH = '/.well-known/release';

/** What a revision says of itself. Services need no identity endpoint to begin (level 0): silence is allowed. */
export type Identity =
  | { readonly kind: 'told'; readonly release: string | undefined; readonly schemaPins: Partial<SchemaPins> }
  | { readonly kind: 'silent' };

const DEADLINE_MS = 5_000;

/** `{"releaseId": …, "revision": …, "schemaPins": {"schemaRev": 7, "indexHash": …, "modelTag": …}}`, as the guard serves it. */
export async function readIdentity(
  tools: Pick<Tools, 'clock' | 'fetch'>,
  recipe: ProbeRecipe,
  signal: AbortSignal,
): Promise<Identity> {
  const answer = await askPinned(tools, recipe, IDENTITY_PATH, { deadlineMs: DEADLINE_MS, signal });
  if (answer.kind !== 'answered' || answer.status !== 200) return { kind: 'silent' };
  const told = parseObject(answer.body);
  if (told === undefined) return { kind: 'silent' };
  const release = told['releaseId'] ?? told['release'];
  return { kind: 'told', release: typeof release === 'string' ? release : undefined, schemaPins: pinsOf(told['schemaPins']) };
}

function pinsOf(value: unknown): Partial<SchemaPins> {
  if (!isRecord(value)) return {};
  const { schemaRev, indexHash, modelTag } = value;
  return {
    ...(typeof schemaRev === 'number' && Number.isSafeInteger(schemaRev) ? { schemaRev } : {}),
    ...(typeof indexHash === 'string' ? { indexHash } : {}),
    ...(typeof modelTag === 'string' ? { modelTag } : {}),
  };
}
