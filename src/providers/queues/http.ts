/**
 * Queues over HTTP: one POST tells the whole state, for the platform to hand to the guards.
 *
 *     POST <url>/<environment>/<service>   → any 2xx
 *     {"releaseId", "phase": "climbing", "revisions": {"stable": {"id", "release", "slot", "schemaPins"}, "candidate"},
 *      "batchPaused": true, "capPerPartition": 4, "revoked": [], "ramp": {"id", "epoch", "owner"}, "sequence": 3,
 *      "keepKeysForMs": 367200000, "weightBp": 500}
 *
 * What it all means is said in domain/release-record.ts. A directive that is not above the stored (ramp.epoch, sequence) must be
 * ignored there: calls may be repeated and may arrive late. Whoever stores it adds `updatedAt` and `keepKeysUntil` by its clock.
 */
import { bearer, callHttp, pathOf, withoutSlash } from '../json-http.js';
import type { QueueController } from '../ports.js';

export interface HttpQueuesOptions {
  /** Base address. */
  readonly url: string;
  readonly token?: string | undefined;
  /** Of one request; 5 s unless told. */
  readonly timeoutMs?: number | undefined;
}

export function httpQueues(
  { url, token, timeoutMs = 5_000 }: HttpQueuesOptions,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): QueueController {
  const base = withoutSlash(url);
  return {
    async direct(target, directive) {
      const address = base + pathOf(target.environment, target.service);
      await callHttp({
        method: 'POST',
        url: address,
        name: `queue service ${address}`,
        headers: bearer(token),
        body: JSON.stringify(directive),
        timeoutMs,
        fetch,
      });
    },
  };
}
