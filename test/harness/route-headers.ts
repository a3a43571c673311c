/** What the proxy tells a client about the routing of its request. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Identity } from '../../src/testing/router-conformance.js';

export interface RouteHeaders {
  /** x-release-slot; undefined where no proxy answered. */
  readonly slot: string | undefined;
  /** x-release-role: stable or candidate. */
  readonly role: string | undefined;
  /** x-route-why. */
  readonly why: string | undefined;
  /** x-route-gen: `<ramp>.<sequence>`. */
  readonly gen: string | undefined;
  /** x-revision, from the service itself: who really answered. */
  readonly revision: string | undefined;
}

export function routeHeaders(headers: IncomingHttpHeaders): RouteHeaders {
  const one = (name: string): string | undefined => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  return {
    slot: one('x-release-slot'),
    role: one('x-release-role'),
    why: one('x-route-why'),
    gen: one('x-route-gen'),
    revision: one('x-revision'),
  };
}

/** How a client says who it is. */
export function identityHeaders({ user, cookie, key }: Identity): Record<string, string> {
  return {
    ...(user === undefined ? {} : { 'x-user-id': user }),
    ...(cookie === undefined ? {} : { cookie: `uid=${cookie}` }),
    ...(key === undefined ? {} : { 'x-sticky-key': key }),
  };
}
