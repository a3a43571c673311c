/** Searching for words that must not stand where they are searched for. */

const BASE64 = /[A-Za-z0-9+/_-]{8,}={0,2}/g;

/** Which of the marks stand in a text, or in what its base64 strings say: payloads are printed so. */
export function marksIn(text: string, marks: readonly string[]): readonly string[] {
  const decoded = [...text.matchAll(BASE64)].map(([base64]) => Buffer.from(base64, 'base64').toString('latin1'));
  return marks.filter((mark) => text.includes(mark) || decoded.some((words) => words.includes(mark)));
}
