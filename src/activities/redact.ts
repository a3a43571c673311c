/**
 * Failures stand in histories for ever and are read by more people than may read secrets. Providers promise not to name any;
 * this is the second line: the values that the worker itself resolved, and what looks like a credential.
 */
const HIDDEN = '[redacted]';

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // user:password@host of a URL
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${HIDDEN}@`],
  // a query parameter that is a credential by its name
  [/([?&](?:[a-z_-]*(?:token|secret|signature|password|api[_-]?key|sig)[a-z_-]*)=)[^&\s"']+/gi, `$1${HIDDEN}`],
  // Authorization: Bearer …, also alone
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${HIDDEN}`],
  // the secret part of an incoming webhook's path
  [/(hooks\.slack\.com\/services\/)\S+/gi, `$1${HIDDEN}`],
];

/** Short values would blank out ordinary words, and no credential is that short. */
const SHORTEST_SECRET = 6;

export function redactor(secrets: readonly string[] = []): (text: string) => string {
  const values = secrets.filter((secret) => secret.length >= SHORTEST_SECRET);
  return (text) => {
    const withoutValues = values.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text);
    return PATTERNS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), withoutValues);
  };
}
