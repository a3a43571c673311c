/** The typed client, for pipelines and programs. */
export { SluiceClient, type RollbackOutcome } from './sluice-client.js';
export { TemporalProblem } from './problem.js';
export type { ConnectOptions } from './temporal.js';
export { keyRingOf, type EncryptionKeys, type KeyRing } from '../contract/encryption.js';
export type { Execution } from './execution.js';
export type { ListFilter } from './list.js';
export type { ResultOutcome } from './result.js';
export type { SendOptions, SendOutcome, SentBody } from './send.js';
export type { StartOptions, StartOutcome } from './start.js';
export type { StatusOutcome } from './status.js';
export type { Sighting, WatchOptions } from './watch.js';
export type { WorkersSeen } from './workers.js';
export type { Live } from './live.js';
export { historiesIn, recordedRollout, type RecordedMoment, type RecordedRollout } from './recorded.js';
