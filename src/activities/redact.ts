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
/**
 * Of `Bearer <token>`, a PEM text and a webhook's address each part is a secret as well, and so is its beginning: it may be told
 * without the rest, by an answer that was cut in the middle.
 */
const SHORTEST_PART = 12;

function partsOf(secret: string): readonly string[] {
  const url = URL.canParse(secret) ? new URL(secret) : undefined;
  // Not the host: it is no secret, and the only thing that tells people which address is meant.
  const parts =
    url === undefined
      ? [secret, ...secret.split(/\s+/)]
      : [url.password, ...url.pathname.split('/'), ...url.searchParams.values()];
  return parts.filter((part) => part.length >= SHORTEST_PART);
}

/** As much of the secret as stands there, from its beginning. */
function hideBeginnings(text: string, secret: string): string {
  const [before = '', ...rest] = text.split(secret.slice(0, SHORTEST_PART));
  return rest.reduce((hidden, after) => {
    let length = 0;
    while (length < after.length && after[length] === secret[SHORTEST_PART + length]) length++;
    return `${hidden}${HIDDEN}${after.slice(length)}`;
  }, before);
}

/** Only the values: safe on a whole line of JSON, whose quotes the patterns do not respect. */
export function valueRedactor(secrets: readonly string[]): (text: string) => string {
  const values = secrets.filter((secret) => secret.length >= SHORTEST_SECRET);
  // The longest first: a secret that begins with another one must not leave its end behind.
  const byLength = (a: string, b: string): number => b.length - a.length;
  const [wholes, parts] = [values.toSorted(byLength), secrets.flatMap(partsOf).toSorted(byLength)];
  return (text) =>
    parts.reduce(
      hideBeginnings,
      wholes.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text),
    );
}

export function redactor(secrets: readonly string[] = []): (text: string) => string {
  const hideValues = valueRedactor(secrets);
  return (text) => PATTERNS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), hideValues(text));
}
