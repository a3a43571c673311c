/** Keys for tests; the same name makes the same key. */
import { createHash } from 'node:crypto';
import { keyRingOf, type EncryptionKeys, type KeyRing } from '../../src/contract/encryption.js';

export const keyText = (name: string): string => createHash('sha256').update(name).digest('base64');

/** The first name encrypts. */
export function ringOf(current: string, ...previous: readonly string[]): KeyRing {
  const keys: EncryptionKeys = {
    keyId: current,
    key: keyText(current),
    previous: previous.map((keyId) => ({ keyId, key: keyText(keyId) })),
  };
  const outcome = keyRingOf(keys);
  if (outcome.kind === 'invalid') throw new Error(outcome.problems.join('\n'));
  return outcome.ring;
}
