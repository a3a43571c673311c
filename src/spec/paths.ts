/** Where a value stands in a file: keys and list indexes from the root. */
export type Path = readonly (string | number)[];

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** `steps[2].soak`; a key that would be misread is quoted. Two different paths never render the same. */
export function renderPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${String(part)}]`;
    if (!PLAIN_KEY.test(part)) return `${text}[${JSON.stringify(part)}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** Reads `steps[2].soak` or `steps.2.soak`; undefined where the text is no path. Quoted keys have no place on a command line. */
export function parsePath(text: string): Path | undefined {
  const parts = text.replace(/\[(\d{1,4})\]/g, '.$1').split('.');
  if (!parts.every((part) => /^\d{1,4}$/.test(part) || PLAIN_KEY.test(part))) return undefined;
  return parts.map((part) => (/^\d/.test(part) ? Number(part) : part));
}

export function startsWith(path: Path, prefix: Path): boolean {
  return prefix.length <= path.length && prefix.every((part, index) => part === path[index]);
}
