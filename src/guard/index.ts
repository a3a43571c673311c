/**
 * The guard: what a service puts in front of its handlers and jobs, so that two revisions that run side by side cannot do the
 * same thing twice. It imports nothing of the controller. Its words, besides those of `domain/words.ts`:
 *
 * - **effect**: what a request does to the world. **outcome**: what the handler answered.
 * - **key**: what a client sends to name a request; **scope**: tenant, method, route and key, which name it for us.
 * - **fingerprint**: what a request asks for. Under one scope there is one fingerprint; another is a **mismatch**.
 * - **attempt**: one run of the handler for a scope. **claim**: the right to be that attempt; **token**: its fence.
 * - **lease** (here): how long a claim holds without a sign of life. **retention**: how long the record is kept.
 * - **record**: what is kept of an outcome. **seal**: write the record, after which the attempt is done for good.
 * - **replay**: answer from the record. **refusal**: the guard's own answer, never a record.
 * - **lost**: an attempt that began and of which nobody knows how it ended; its outcome is **unknown**.
 * - **takeover**: an attempt after a lost one. **superseded**: who lost the claim to it.
 */
export { fingerprint, semanticFingerprint, type Asked } from './fingerprint.js';
export type { GuardEvent, GuardEventKind, GuardEvents } from './events.js';
export type { Execution, RunContext, Settled } from './execution.js';
export { Guard, type Beginning, type GuardOptions, type RunFunction, type RunResult } from './guard.js';
export type { HttpOptions } from './http.js';
export { checkedKey, parseKey, storeKey, type ParsedKey, type Scope, type StoreKey } from './keys.js';
export { effectOf, type Body, type Effect, type Outcome } from './outcome.js';
export { answerOf, replayOf } from './problem.js';
export type { StoredRecord } from './record.js';
export { NothingDone, Refused, type Refusal } from './refusal.js';
export type { RunSpec } from './spec.js';
export {
  CommitUnknown,
  type Claim,
  type Claimed,
  type Store,
  type TransactionalStore,
  type TransactionEnd,
  type TransactionLimits,
} from './store.js';

export { MemoryStore } from './stores/memory.js';
export { openPostgresStore, type PostgresStore, type PostgresStoreOptions } from './stores/postgres.js';
export { migratePostgres } from './stores/postgres-migrations.js';
export { nodeRedis, openRedisStore, type NodeRedisClient, type RedisCommand, type RedisStoreOptions } from './stores/redis.js';

export { dedupe, type DedupeEnd } from './webhooks/dedupe.js';
export { dedupeKey, type Message, type WebhookEvent, type WebhookOptions } from './webhooks/event.js';
export { receive, type InboxEnd } from './webhooks/inbox.js';

export { expressGuard, keepRawBody, type ExpressGuard, type ExpressOptions, type ExpressRequest } from './adapters/express.js';
export { fastifyGuard, type FastifyOptions } from './adapters/fastify.js';
export { fetchGuard, type FetchHandler, type FetchOptions } from './adapters/fetch.js';
export { guardJob, type JobEnd, type JobOptions } from './adapters/job.js';
export { lambdaGuard, type LambdaEvent, type LambdaOptions } from './adapters/lambda.js';
