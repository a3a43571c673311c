/** Bytes that came in pieces, and how many of them are few. */

/** Up to here it is cheaper to copy bytes into one piece than to hash, send or store them in two. */
export const FEW_BYTES = 16 * 1024;

/** Without a copy where there is one piece only. */
export function wholeOf<Piece extends Uint8Array>(pieces: readonly Piece[]): Piece | Buffer {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
}

/** The same bytes, not a copy. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
