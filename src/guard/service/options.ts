/** What a service says of itself: to the guard when it starts, and to whoever asks at its identity endpoint. */
import type { SchemaPins } from '../../domain/words.js';
import type { ServiceMetricsOptions } from './metrics.js';
import type { Part } from './parts.js';
import type { WarmChecks } from './warm-up.js';

export interface ServiceOptions {
  /** As the rollout calls the service. */
  readonly name: string;
  readonly releaseId: string;
  /** As the rollout calls the revision; behind a router with slots, the slot. */
  readonly revision: string;
  readonly schemaPins?: SchemaPins | undefined;
  /** Without them the instance is ready at once. */
  readonly warmUp?: WarmChecks | undefined;
  /** Parts that are on besides those that this object sees by itself. */
  readonly parts?: readonly Part[] | undefined;
  /** Where the endpoints lie; `false` for none. */
  readonly paths?: { readonly [name in keyof Paths]?: string | false } | undefined;
  /**
   * `apart`: metrics and readiness are answered only on the port of `serviceEndpoints`, where nobody from outside comes and which
   * answers to the end of a drain. Identity and warm path stay beside users: a rollout asks for them through the router. `here`
   * unless told.
   */
  readonly endpoints?: 'here' | 'apart' | undefined;
  /** Where a platform warms the instance before users come, such as Lambda's provisioned concurrency. */
  readonly startsWarm?: boolean | undefined;
  /** Media types that are streams; server-sent events and NDJSON unless told. */
  readonly streamTypes?: readonly string[] | undefined;
  readonly metrics?: ServiceMetricsOptions | undefined;
}

export interface Paths {
  readonly warmUp: string | false;
  readonly ready: string | false;
  readonly metrics: string | false;
}

export const PATHS: Paths = { warmUp: '/internal/warm', ready: '/readyz', metrics: '/metrics' };

/** What `GET /.well-known/release` answers. */
export interface Identity {
  readonly releaseId: string;
  readonly revision: string;
  readonly schemaPins?: SchemaPins;
  readonly ready: boolean;
  /** ISO 8601. */
  readonly startedAt: string;
  /** True until the instance is warm. */
  readonly coldStart: boolean;
  readonly parts: readonly Part[];
}
