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
 * - **partition**: a part of a queue that one revision works on at a time. **epoch**: counts its holders. **fence**: where a write is
 *   refused because its writer lost the lease or the claim.
 * - **instance**: one running process of a revision. **warm**: its first user waits for nothing that the second does not. **part**: of
 *   the guard, that is on there.
 * - **takeover**: an attempt after a lost one. **superseded**: who lost the claim to it.
 * - **fits**: is not behind what a request's schema pins ask for. **carried**: given to the revision that it belongs to.
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
  TransactionIdle,
  type Claim,
  type Claimed,
  type Store,
  type TransactionalStore,
  type TransactionEnd,
  type TransactionLimits,
} from './store.js';

export { policyOf, revisionForPins, isRevoked } from './release/policy.js';
export { postgresReleases, type PostgresReleasesOptions } from './release/postgres.js';
export {
  openReleaseRecord,
  type ReleaseOptions,
  type ReleaseReader,
  type ReleaseSource,
  type ReleaseView,
  type ReleaseWatcher,
} from './release/reader.js';
export { redisReleases, type RedisReleasesOptions, type RedisSubscriber } from './release/redis.js';
export type { ReleasePhase, ReleasePolicy, ReleaseRecord } from '../domain/release-record.js';

export {
  bullConsumer,
  bullSpec,
  type BullConsumer,
  type BullJob,
  type BullOptions,
  type BullQueue,
  type BullWorker,
} from './adapters/bullmq.js';
export { consumePartition } from './partitions/consume.js';
export { fencedTx, StaleLease } from './partitions/fenced-tx.js';
export { holdPartition, type Held } from './partitions/hold.js';
export type { HoldOptions, PartitionEvent } from './partitions/hold-options.js';
export type {
  Fenced,
  Joined,
  Joining,
  Partition,
  PartitionHolder,
  PartitionLease,
  PartitionLeases,
  PartitionOwner,
  Renewed,
} from './partitions/leases.js';
export type { Flow, PartitionPolicy } from './partitions/policy.js';
export { openPostgresPartitions, type PostgresPartitions } from './partitions/postgres.js';
export { openRedisPartitions, type RedisPartitions, type RedisWrite } from './partitions/redis.js';

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

export type { Ramp, Revision, SchemaPins } from '../domain/words.js';
export type { PinDifference, PinName } from '../domain/schema-pins.js';
export type { PinOptions, RevisionTarget } from './pins/admit.js';
export { bucketOf, isTaken, type BucketOf } from './pins/bucket.js';
export { pinnedFetch, type PinnedFetchOptions } from './pins/pinned-fetch.js';
export {
  assertSameSchema,
  assertSchemaFits,
  parsePins,
  PIN_HEADERS,
  SchemaMismatch,
  type ParsedPins,
  type ReadHeader,
} from './pins/schema-pins.js';
export { readPin, signPin, type PinKey, type PinKeys, type PinReading, type ReadPin, type StickyPin } from './pins/sticky-pin.js';
export { expressPins } from './adapters/express-pins.js';
export { fastifyPins } from './adapters/fastify-pins.js';
export { fetchPins } from './adapters/fetch-pins.js';
export { lambdaPins, type LambdaPinOptions } from './adapters/lambda-pins.js';
export { retryingFetch, type Retry, type RetryClock, type RetryOptions } from './retry/retrying-fetch.js';

export { drain, drainOnSigterm, type Drained, type DrainOptions } from './service/drain.js';
export { eventStream, StreamCut, wholeEvents, type EventStreamOptions, type StreamedEvent } from './service/event-stream.js';
export { fastifyService } from './service/fastify.js';
export { fetchService } from './service/fetch.js';
export { lambdaService, type InvocationReport, type LambdaServiceOptions } from './service/lambda.js';
export {
  ServiceMetrics,
  type QueueAge,
  type Release,
  type ReleaseCounts,
  type ServiceMetricsOptions,
} from './service/metrics.js';
export { expressService, serviceEndpoints, type ServiceMiddleware } from './service/node.js';
export type { Identity, ServiceOptions } from './service/options.js';
export type { Part } from './service/parts.js';
export { Service } from './service/service.js';
export type { Visit } from './service/visit.js';
export type { WarmChecks, WarmStates } from './service/warm-up.js';
