import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { encryptionCodec, type KeyRing } from './encryption.js';

const pathOf = (module: string): string => fileURLToPath(new URL(module, import.meta.url));

/**
 * How worker and client read and write payloads. Total on decode: a payload that nobody can read must neither brick a rollout
 * nor keep anybody from listing or aborting it (design.md §2).
 */
export function dataConverterOf(ring: KeyRing | undefined): DataConverter {
  return {
    payloadConverterPath: pathOf('payload-converter.cjs'),
    ...(ring === undefined
      ? {}
      : { failureConverterPath: pathOf('failure-converter.cjs'), payloadCodecs: [encryptionCodec(ring)] }),
  };
}

/** What the payload converter makes of a payload that nobody here can read. */
export const isUndecodable = (value: unknown): boolean => typeof value === 'object' && value !== null && 'undecodable' in value;
