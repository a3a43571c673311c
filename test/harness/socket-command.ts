/**
 * The language of HAProxy's sockets as far as the tests need it: what a worker asked, and where one answer ends.
 *
 * An answer is a run of lines that ends with an empty one; a map command that succeeded answers the empty line alone. One
 * line may hold several commands with `;` between them, and a command that ends with `<<` takes the following lines up to
 * an empty one with it.
 */
export interface MapEntry {
  readonly key: string;
  readonly value: string;
}

export type SocketCommand = {
  /** The command as sent, without `@!<pid>` and without the line's end. */
  readonly text: string;
  /** Whom the master was to pass it on to (`!<pid>`, or a number of its own); undefined on the admin socket. */
  readonly worker: string | undefined;
} & (
  | {
      readonly kind: 'map-write';
      readonly verb: 'set' | 'add' | 'del' | 'clear';
      /** The file's name without folder and `.map`. */
      readonly map: string;
      readonly entries: readonly MapEntry[];
    }
  | { readonly kind: 'other' }
);

/** Splits what a client sent into whole requests: a line, or a command with its payload. `rest` waits for more bytes. */
export function takeRequests(buffered: string): { readonly requests: readonly string[]; readonly rest: string } {
  const requests: string[] = [];
  let rest = buffered;
  for (;;) {
    const end = rest.indexOf('\n');
    if (end < 0) return { requests, rest };
    if (!rest.slice(0, end).trimEnd().endsWith('<<')) {
      requests.push(rest.slice(0, end));
      rest = rest.slice(end + 1);
      continue;
    }
    const payloadEnd = rest.indexOf('\n\n', end);
    if (payloadEnd < 0) return { requests, rest };
    requests.push(rest.slice(0, payloadEnd + 1));
    rest = rest.slice(payloadEnd + 2);
  }
}

/** The commands of one request, in the order in which HAProxy runs them. */
export function parseRequest(request: string): SocketCommand[] {
  const [line = '', ...payload] = request.split('\n');
  const parts = line.split(/(?<!\\);/).map((part) => part.trim());
  const wanted = parts.filter((part) => part !== '');
  return wanted.map((part, index) => parseCommand(part, index === wanted.length - 1 ? payload : []));
}

/** Takes whole answers off what HAProxy sent. The `> ` of interactive mode is no part of an answer. */
export function takeAnswers(buffered: string): { readonly answers: readonly string[]; readonly rest: string } {
  const answers: string[] = [];
  let rest = buffered;
  for (;;) {
    rest = rest.replace(/^(> )+/, '');
    const empty = rest.startsWith('\n') ? 0 : rest.indexOf('\n\n');
    if (empty < 0) return { answers, rest };
    answers.push(rest.slice(0, empty));
    rest = rest.slice(rest.startsWith('\n') ? 1 : empty + 2);
  }
}

function parseCommand(part: string, payload: readonly string[]): SocketCommand {
  const addressed = /^@(\S+)\s+(.*)$/s.exec(part);
  const worker = addressed?.[1];
  const text = [addressed?.[2] ?? part, ...payload].join('\n').trimEnd();
  const [verb, noun, file, key, ...value] = (addressed?.[2] ?? part).split(/\s+/);
  const map = /([^/]+)\.map$/.exec(file ?? '')?.[1];
  if (!isWriteVerb(verb) || noun !== 'map' || map === undefined) return { text, worker, kind: 'other' };
  if (key === '<<') return { text, worker, kind: 'map-write', verb, map, entries: payload.flatMap(readEntry) };
  const entries = key === undefined ? [] : [{ key, value: value.join(' ') }];
  return { text, worker, kind: 'map-write', verb, map, entries };
}

function isWriteVerb(word: string | undefined): word is 'set' | 'add' | 'del' | 'clear' {
  return word === 'set' || word === 'add' || word === 'del' || word === 'clear';
}

function readEntry(line: string): MapEntry[] {
  const [key, ...value] = line.trim().split(/\s+/);
  return key === undefined || key === '' ? [] : [{ key, value: value.join(' ') }];
}
