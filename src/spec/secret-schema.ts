import { z } from 'zod';
import { section, text } from './fields.js';

/** Where a secret is, never the secret. `resolveSecrets` turns it into the text, on the worker. */
export type SecretRef = { readonly secret: 'env'; readonly name: string } | { readonly secret: 'file'; readonly path: string };

const REFERENCE = 'a reference, {env: NAME} or {file: PATH}; a secret never stands in this file';
const ENV_NAME = 'the name of an environment variable, not the secret itself';
const FILE_PATH = 'the path of a file, not the secret itself';
const URL_WITHOUT_USER = 'an address http://… or https://… without user and password';

/** Expectations whose value must not be shown: somebody may have pasted a credential there. */
export const NEVER_SHOWN: ReadonlySet<string> = new Set([REFERENCE, ENV_NAME, FILE_PATH, URL_WITHOUT_USER]);

export const secret = () =>
  z.union(
    [
      section({
        env: text(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, ENV_NAME).describe('An environment variable of the worker.'),
      }).transform(({ env }): SecretRef => ({ secret: 'env', name: env })),
      section({
        file: text(/^[^\n]{1,1024}$/, FILE_PATH).describe('A file on the worker; a final line break is dropped.'),
      }).transform(({ file }): SecretRef => ({ secret: 'file', path: file })),
    ],
    { error: REFERENCE },
  );

/** An address of the platform. A password in it would be a literal secret. */
export const address = () =>
  z.url({ protocol: /^https?$/, error: URL_WITHOUT_USER }).refine((value) => !hasUser(value), { error: URL_WITHOUT_USER });

function hasUser(value: string): boolean {
  return URL.canParse(value) && (new URL(value).username !== '' || new URL(value).password !== '');
}

export function isSecretRef(value: unknown): value is SecretRef {
  return typeof value === 'object' && value !== null && 'secret' in value && (value.secret === 'env' || value.secret === 'file');
}
