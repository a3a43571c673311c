import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutVisible, liveView } from '../../src/cli/live-view.js';

const drawn = (rows: number): { readonly written: string[]; readonly draw: (lines: readonly string[]) => void } => {
  const written: string[] = [];
  return { written, ...liveView({ columns: 10, rows, colours: false, write: (text) => void written.push(text) }) };
};

test('the next picture is drawn over the last one, whatever their heights', () => {
  const { written, draw } = drawn(24);
  draw(['a', 'b', 'c']);
  draw(['d']);
  draw(['e', 'f']);
  assert.deepEqual(written, ['\r\u001b[Ja\nb\nc\n', '\u001b[3A\r\u001b[Jd\n', '\u001b[1A\r\u001b[Je\nf\n']);
});

test('a line that would wrap is cut, and a picture that would scroll is, too', () => {
  const { written, draw } = drawn(3);
  draw(['12345678901', 'b', 'c']);
  assert.deepEqual(written, ['\r\u001b[J123456789…\nb\n']);
});

test('colours take no room and stay closed', () => {
  assert.equal(cutVisible('\u001b[31mabcdef\u001b[39m', 4), '\u001b[31mabc…\u001b[39m');
});
