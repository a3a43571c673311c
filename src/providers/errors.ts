/**
 * What an adapter throws. Whoever knows says whether trying again can help; `activities/failures.ts` translates once.
 * Messages say what was found, what was expected and what to do, and never carry a credential or a header's value.
 */
export class ProviderError extends Error {
  constructor(
    message: string,
    readonly kind: 'transient' | 'permanent',
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'ProviderError';
  }
}

export const transient = (message: string, cause?: unknown): ProviderError => new ProviderError(message, 'transient', { cause });
export const permanent = (message: string, cause?: unknown): ProviderError => new ProviderError(message, 'permanent', { cause });
