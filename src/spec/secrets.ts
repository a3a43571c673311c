import { isAbsolute } from 'node:path';
import { renderPath, type Path } from './paths.js';
import type { PlatformConfig } from './platform.js';
import { isSecretRef, type SecretRef } from './secret-schema.js';
import type { Environment } from './substitution.js';

/** The same with the text of every secret in the place of its reference. Never log it, and never let it into a history. */
export type Resolved<T> = T extends SecretRef
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Resolved<Item>[]
    : T extends object
      ? { readonly [K in keyof T]: Resolved<T[K]> }
      : T;

export interface SecretSource {
  readonly env: Environment;
  /** The text of a file; throws where it cannot be read. */
  readonly readFile: (path: string) => string;
}

/** `routers.edge.token: found no environment variable EDGE_TOKEN, expected it to be set on the worker`. */
export interface UnresolvedSecret {
  readonly path: string;
  readonly found: string;
  readonly expected: string;
}

export type ResolvedConfig =
  | { readonly kind: 'ok'; readonly config: Resolved<PlatformConfig> }
  | { readonly kind: 'invalid'; readonly secrets: readonly UnresolvedSecret[] };

/** For the worker, once, at its start. All secrets that are missing are named at once; no value is in any message. */
export function resolveSecrets(config: PlatformConfig, source: SecretSource): ResolvedConfig {
  const missing: UnresolvedSecret[] = [];
  const resolve = (value: unknown, path: Path): unknown => {
    if (isSecretRef(value)) {
      const secret = value.secret === 'env' ? fromEnv(value.name, source) : fromFile(value.path, source);
      if (secret.kind === 'missing') missing.push({ path: renderPath(path), found: secret.found, expected: secret.expected });
      return secret.kind === 'found' ? secret.text : '';
    }
    if (Array.isArray(value)) return value.map((item, index) => resolve(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, [...path, key])]));
  };
  const resolved = resolve(config, []) as Resolved<PlatformConfig>;
  return missing.length === 0 ? { kind: 'ok', config: resolved } : { kind: 'invalid', secrets: missing };
}

export function renderUnresolved(file: string, { path, found, expected }: UnresolvedSecret): string {
  return `${file} ${path}: found ${found}, expected ${expected}`;
}

type Lookup =
  | { readonly kind: 'found'; readonly text: string }
  | { readonly kind: 'missing'; readonly found: string; readonly expected: string };

function fromEnv(name: string, { env }: SecretSource): Lookup {
  const text = Object.hasOwn(env, name) ? env[name] : undefined;
  if (text !== undefined && text !== '') return { kind: 'found', text };
  return {
    kind: 'missing',
    found: `${text === undefined ? 'no' : 'an empty'} environment variable ${name}`,
    expected: 'it to be set on the worker',
  };
}

function fromFile(path: string, { readFile }: SecretSource): Lookup {
  try {
    const text = readFile(path).replace(/\r?\n$/, '');
    if (text !== '') return { kind: 'found', text };
    return { kind: 'missing', found: `an empty file ${path}`, expected: 'the secret in it' };
  } catch (error) {
    const { code, path: tried } = error as Partial<NodeJS.ErrnoException>;
    // A path that is not absolute is one from the folder in which the program was started.
    const reason = `${code ?? 'it cannot be read'}${tried === undefined || isAbsolute(path) ? '' : `: ${tried}`}`;
    return { kind: 'missing', found: `no readable file ${path} (${reason})`, expected: 'the secret in it' };
  }
}
