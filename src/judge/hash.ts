/** FNV-1a, 32 bits: a name or a list of bounds as one number, so that evidence stays numbers only. Not for secrets. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let k = 0; k < text.length; k++) hash = Math.imul(hash ^ text.charCodeAt(k), 0x01000193);
  return hash >>> 0;
}
