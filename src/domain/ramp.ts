import type { Ramp } from './words.js';

/**
 * `<release>~<8 hex>`: the release as letters, digits, `_` and `-`, any other byte as `_` and two hex digits (routers use
 * dots and colons as separators). The suffix comes from the execution's seed and the ramp's number, never from chance,
 * so that a replay gives the same id, and no other execution does (I7).
 */
export function openRamp(release: string, seed: string, number: number, epoch: number, owner: string): Ramp {
  // Before the first rollout nobody may have said which release serves: a rollback to it still needs a name.
  const name = [...new TextEncoder().encode(release || 'unnamed')].map(safeByte).join('');
  return { id: `${name}~${fnv1a(`${seed}/${number}`)}`, epoch, owner };
}

function safeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9-]/.test(character) ? character : `_${byte.toString(16).padStart(2, '0')}`;
}

/** 32-bit FNV-1a as 8 hex digits. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}
