/**
 * Capacity over HTTP: for whatever scales a service, behind a few lines of the platform's own. Bodies are JSON; a bearer token
 * is optional; every call may be repeated.
 *
 *     GET  <url>/<environment>/<service>/<revision>          → {"units": 3}
 *     POST <url>/<environment>/<service>/<revision>/ensure   {"atLeast": 5}  → {"state": "ready" | "pending", "units": 5}
 *                                                                            | {"state": "failed", "reason": "quota"}
 *     POST <url>/<environment>/<service>/<revision>/floor    {"units": 4}    → any 2xx; 0 lifts the floor
 *     POST <url>/<environment>/<service>/<revision>/release  {}              → any 2xx
 *
 * `units` are those that can serve now. `atLeast` never lowers: the service keeps what it has if that is more.
 */
import { z } from 'zod';
import type { Revision, Target } from '../../domain/words.js';
import { permanent } from '../errors.js';
import { bearer, callHttp, parseJson, pathOf, withoutSlash } from '../json-http.js';
import type { CapacityController, CapacityState } from '../ports.js';

export interface HttpCapacityOptions {
  /** Base address. */
  readonly url: string;
  readonly token?: string | undefined;
  /** Of one request; 5 s unless told. */
  readonly timeoutMs?: number | undefined;
}

const units = z.int().nonnegative();
const unitsAnswer = z.object({ units });
const ensureAnswer = z.discriminatedUnion('state', [
  z.object({ state: z.literal('ready'), units }),
  z.object({ state: z.literal('pending'), units }),
  z.object({ state: z.literal('failed'), reason: z.string().max(1_000) }),
]);

export function httpCapacity(
  options: HttpCapacityOptions,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): CapacityController {
  const { token, timeoutMs = 5_000 } = options;
  const base = withoutSlash(options.url);

  const call = async (target: Target, revision: Revision, action: string | undefined, body?: object): Promise<string> => {
    const path = pathOf(target.environment, target.service, revision.id, ...(action === undefined ? [] : [action]));
    return callHttp({
      method: body === undefined ? 'GET' : 'POST',
      url: base + path,
      name: `capacity service ${base}${path}`,
      headers: bearer(token),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs,
      fetch,
    });
  };

  const unitsOf = async (target: Target, revision: Revision): Promise<number> =>
    parse(unitsAnswer, await call(target, revision, undefined), '{"units": 3}').units;

  return {
    units: unitsOf,
    async ensure(target, revision, wanted): Promise<CapacityState> {
      // A revision that has enough is left alone: a service that took the number literally would shrink it.
      const present = await unitsOf(target, revision);
      if (present >= wanted) return { kind: 'ready', units: present };
      const answer = parse(
        ensureAnswer,
        await call(target, revision, 'ensure', { atLeast: wanted }),
        '{"state": "ready" | "pending" | "failed", …}',
      );
      if (answer.state === 'failed') return { kind: 'failed', reason: answer.reason };
      // "Ready" with fewer units than were asked for is not ready (I8).
      return { kind: answer.state === 'ready' && answer.units >= wanted ? 'ready' : 'pending', units: answer.units };
    },
    async holdFloor(target, revision, floor) {
      await call(target, revision, 'floor', { units: floor });
    },
    async release(target, revision) {
      await call(target, revision, 'release', {});
    },
  };
}

function parse<T>(schema: z.ZodType<T>, text: string, expected: string): T {
  const parsed = schema.safeParse(parseJson(text, 'capacity service'));
  if (parsed.success) return parsed.data;
  throw permanent(`capacity service: expected ${expected}, found ${text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200)}`);
}
