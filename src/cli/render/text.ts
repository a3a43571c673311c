import { styleText } from 'node:util';

/** Colours where the terminal shows them, else the bare text. Words carry the meaning; colour only helps the eye. */
export type Paint = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', text: string) => string;

export const plain: Paint = (_style, text) => text;
export const coloured: Paint = (style, text) => styleText(style, text);

/** Whatever it was, on one line. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Cut to a width in characters; terminals that wrap a line would break the redraw. */
export function cut(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** 1880 → `1,880`. */
export function thousands(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A share of 1 in percent with two significant digits: 0.0012 → `0.12 %`. */
export function share(value: number): string {
  const percent = value * 100;
  return `${percent === 0 ? '0' : percent >= 9.95 ? percent.toFixed(0) : percent.toFixed(percent >= 0.995 ? 1 : Math.min(6, 1 - Math.floor(Math.log10(percent))))} %`;
}
