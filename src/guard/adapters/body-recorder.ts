/** A copy of what goes out, up to the limit of a record; of what is more, the digest. */
import { createHash, type Hash } from 'node:crypto';
import { wholeOf } from '../bytes.js';
import type { Body } from '../outcome.js';
import { BODY_LIMIT_BYTES } from '../record.js';

export class BodyRecorder {
  #kept: Uint8Array[] = [];
  #length = 0;
  #digest: Hash | undefined;

  add(bytes: Uint8Array): void {
    this.#length += bytes.byteLength;
    if (this.#digest !== undefined) {
      this.#digest.update(bytes);
      return;
    }
    this.#kept.push(bytes);
    if (this.#length <= BODY_LIMIT_BYTES) return;
    this.#digest = createHash('sha256');
    for (const each of this.#kept) this.#digest.update(each);
    this.#kept = [];
  }

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  get isTooLarge(): boolean {
    return this.#digest !== undefined;
  }

  /** To be asked once, at the end. */
  body(): Body {
    if (this.#digest !== undefined) return { kind: 'too-large', sha256: this.#digest.digest('hex'), length: this.#length };
    return { kind: 'bytes', bytes: wholeOf(this.#kept) };
  }
}
