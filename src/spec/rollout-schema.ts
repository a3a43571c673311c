import type { z } from 'zod';
import { count, duration, label, name, oneOrMore, quantity, releaseId, section, text } from './fields.js';
import { settingsShape } from './settings-schema.js';

const tag = () => text(/^[\x21-\x7e]{1,256}$/, '1 to 256 printable characters without spaces');

const schemaPins = section({
  schemaRev: count({ least: 0, most: 1_000_000_000 }).describe('SCHEMA_REV: a growing number.'),
  indexHash: tag().describe('INDEX_HASH: compared for equality.'),
  modelTag: tag().describe('MODEL_TAG: compared for equality.'),
});

const capacity = section({
  connection: name().optional().describe('Who is asked for units; absent: the figures serve `sluice plan` alone.'),
  headroom: quantity({ above: 0, most: 10, unit: '' })
    .optional()
    .describe('Factor on what the load needs; 1.5 where nothing is said.'),
  expectedRps: quantity({ above: 0, most: 10_000_000, unit: 'requests a second' }).describe(
    'User requests a second over both revisions, at the median.',
  ),
  meanLatency: duration({ leastMs: 1 }).describe('Mean time of a request.'),
  concurrency: quantity({ above: 0, most: 100_000, unit: 'requests' }).describe('Requests that one instance serves at a time.'),
});

export const DEFAULT_HEADROOM = 1.5;

/** Whose rollout it is, and by which connections: what no profile can know. */
export const identityShape = {
  service: label().describe('The service whose traffic moves.'),
  environment: label().describe('An environment of sluice.config.yaml.'),
  candidate: section({
    release: releaseId().describe('Id of what ships.'),
    revision: releaseId().describe(
      'Where it runs: blue or green, the slots of `haproxy` and `edge`; behind an `exec` router a revision’s id.',
    ),
    schemaPins: schemaPins.optional().describe('What both sides of a call must agree on.'),
  }).describe('The new revision.'),
  router: name().describe('Connection to the router.'),
  metrics: oneOrMore(name(), 'the name of a connection or a list of 1 to 20').describe('Connections to the metrics.'),
  capacity: capacity.optional().describe('Load and capacity.'),
  queues: name().optional().describe('Connection that pauses batch work.'),
  notify: oneOrMore(name(), 'the name of a connection or a list of 1 to 20').optional().describe('Connections that tell people.'),
  profile: name()
    .optional()
    .describe('Where every field that is not written has its value from; standard where nothing is said.'),
};

export const rolloutSchema = section({ ...identityShape, ...settingsShape });

export type RolloutFile = z.output<typeof rolloutSchema>;
