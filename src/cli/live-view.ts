import { cut } from './render/text.js';
import type { Terminal } from './surroundings.js';

export interface LiveView {
  /** Replaces what was drawn before. */
  draw(lines: readonly string[]): void;
}

/** Redraws in place: up over the last picture, then each line anew. No alternate screen, so the last picture stays in the scrollback. */
export function liveView(terminal: Terminal): LiveView {
  let drawn = 0;
  return {
    draw: (lines) => {
      // Read anew each time: people resize their windows.
      const { columns, rows, write } = terminal;
      // A picture higher than the terminal could not be overwritten: what scrolled away is out of reach.
      const shown = lines.slice(0, Math.max(1, rows - 1)).map((line) => cutVisible(line, columns));
      write(`${drawn === 0 ? '' : `\u001b[${drawn}A`}\r\u001b[J${shown.join('\n')}\n`);
      drawn = shown.length;
    },
  };
}

const COLOUR = /(\u001b\[\d+m)/;

/** Colours take no width, and one that was opened must be closed though its text was cut. */
export function cutVisible(line: string, columns: number): string {
  let left = columns;
  return line
    .split(COLOUR)
    .map((part) => {
      if (COLOUR.test(part)) return part;
      const kept = cut(part, left);
      left -= Array.from(kept).length;
      return kept;
    })
    .join('');
}
