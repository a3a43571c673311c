import { z } from 'zod';
import { SCHEMA_NAME } from '../domain/release-store.js';
import { SLOTS } from '../domain/words.js';
import { labelName, metricName, whereSchema } from './custom-gates-schema.js';
import { choice, count, duration, flag, label, name, section, text } from './fields.js';
import { address, secret } from './secret-schema.js';
import { stickyPins } from './sticky-schema.js';

/** Discriminated by `type`: `found "haproxi", expected one of haproxy, edge, exec`. */
function byType<const Options extends readonly [z.core.$ZodTypeDiscriminable, ...z.core.$ZodTypeDiscriminable[]]>(
  types: readonly string[],
  options: Options,
) {
  const connection = z.discriminatedUnion('type', options, { error: `a connection with type: ${types.join(' | ')}` });
  return z.record(name(), connection, { error: 'a mapping from names to connections' });
}

const filePath = () => text(/^[^\n]{1,1024}$/, 'a path');
const program = () => {
  const expected = 'a program and its arguments, as a list';
  return z.array(z.string({ error: expected }).min(1, { error: expected }), { error: expected }).min(1, { error: expected });
};
const timeout = () => duration({ leastMs: 100, mostMs: 600_000 }).optional();
/** Header values are references: an `Authorization` header is the usual one. */
const headers = () =>
  z
    .record(text(/^[A-Za-z0-9-]{1,64}$/, 'the name of a header'), secret(), {
      error: 'a mapping from header names to references',
    })
    .optional();
const addresses = () => z.array(address(), { error: 'a list of addresses' }).min(1, { error: 'at least one address' });

const haproxy = section({
  type: z.literal('haproxy'),
  adminSocket: filePath().describe('The runtime API’s socket.'),
  masterSocket: filePath()
    .optional()
    .describe('Reaches old workers after a reload; without it a rollback may miss their kept connections.'),
  directory: filePath().describe('Folder of the map files, which hold what a reload returns to.'),
  control: address().describe('The `ctl` front end: read-back and clock.'),
  public: address().describe('Where users arrive: probes go there.'),
  releaseToken: secret().describe('Authorises pinned requests.'),
});

const edge = section({
  type: z.literal('edge'),
  control: address().describe('The embedded edge’s control endpoint.'),
  public: address().describe('Where users arrive.'),
  token: secret().describe('Authorises control and pinned requests.'),
  services: z
    .record(
      label(),
      section({
        blue: address().describe('The slot blue’s server.'),
        green: address().describe('The slot green’s server.'),
        stable: choice(SLOTS).optional().describe('Serves everybody before the first promotion; blue unless told.'),
      }),
      { error: 'a mapping from services to {blue, green, stable}' },
    )
    .optional()
    .describe('Services by name: `sluice dev` starts this edge itself, on this machine.'),
});

const capabilities = section({
  stepBp: count({ least: 1, most: 10_000 }).optional().describe('Weights are multiples of this.'),
  split: choice(['exact', 'bernoulli', 'hash']).optional(),
  fencing: choice(['revocation', 'compare-and-set', 're-assert']).optional(),
  lease: flag().optional(),
  pin: choice(['header', 'url', 'qualifier', 'none']).optional(),
  pinMiss: choice(['fails', 'falls-through']).optional(),
  sticky: choice(['none', 'cookie', 'key-hash']).optional(),
  stickyBy: stickyPins().optional().describe('What it can tell users apart by; absent: `user`.'),
  drain: choice(['counted', 'timed']).optional(),
  streamsSurvive: flag().optional().describe('Absent: unknown.'),
  echo: flag().optional(),
  replicas: count({ least: 1, most: 10_000 }).optional().describe('Absent: unknown.'),
  propagationBound: duration({ mostMs: 3_600_000 }).optional().describe('Longest time until every replica follows.'),
});

const exec = section({
  type: z.literal('exec'),
  commands: section({
    read: program().describe('Prints the route as JSON.'),
    apply: program().describe('Gets the intent as JSON.'),
    revoke: program(),
    finalise: program(),
    confirm: program(),
    renew: program().optional(),
    inflight: program().optional(),
  }).describe('JSON in, JSON out; exit code 75 says unknown. No shell stands between.'),
  timeout: timeout().describe('Of one command.'),
  capabilities: capabilities.optional().describe('What the platform can do; what is absent is taken to be the least.'),
  probe: section({
    url: address().describe('Base address.'),
    headers: z
      .record(z.string(), z.string({ error: 'text' }), { error: 'a mapping from header names to values' })
      .optional()
      .describe('`{revision}` stands for the revision’s id.'),
    answeredBy: text(/^[A-Za-z0-9-]{1,64}$/, 'the name of a header').describe(
      'Response header that names the revision that answered.',
    ),
  })
    .optional()
    .describe('How to reach one revision past the weights; absent: no probes.'),
});

export const routersSchema = byType(['haproxy', 'edge', 'exec'], [haproxy, edge, exec]);

const where = () => whereSchema().optional().describe('Which series count: regular expressions over whole label values.');
/** A metric, or the part of its series that counts. */
const selector = () =>
  z.union([metricName(), section({ metric: metricName(), where: where() })], {
    error: 'the name of a metric, or {metric, where}',
  });
const measuredIn = (unit: string) =>
  z.union(
    [metricName(), section({ metric: metricName(), where: where(), unit: choice(['s', 'ms']).optional().describe(unit) })],
    { error: 'the name of a metric, or {metric, where, unit}' },
  );

const naming = {
  from: choice(['exporter', 'guard'])
    .optional()
    .describe('Whose metrics these are: those of `sluice exporter`, or what services with the guard show. `names` adds to them.'),
  labels: section({
    service: labelName().optional().describe('Absent beside `names`: the source serves one service.'),
    environment: labelName().optional(),
    revision: labelName().optional().describe('Tells the revisions apart: `revision`, `version`, `pod_template_hash`, …'),
    replica: labelName().optional().describe('Tells replicas apart, from which the judge learns how errors burst.'),
    code: labelName().optional().describe('Status code or its class.'),
    fixed: z
      .record(labelName(), text(/^[^\n]{0,256}$/, 'a value on one line'), { error: 'a mapping from labels to values' })
      .optional()
      .describe('Further labels and the values that they must have: `{cluster: eu-1}`.'),
  })
    .optional()
    .describe('Labels, where they are not ours.'),
  names: section({
    requests: selector().optional().describe('A counter of user requests.'),
    errors: selector().optional().describe('What is bad among them; absent: those whose code begins with 5.'),
    cutStreams: selector().optional().describe('Answers that broke off after a 200; bad as well.'),
    latency: measuredIn('Of its buckets; s where nothing is said.').optional().describe('A histogram, without `_bucket`.'),
    coldStarts: selector().optional(),
    queueAge: measuredIn('s where nothing is said.').optional().describe('A gauge: age of the oldest message.'),
    replays: selector().optional(),
    duplicates: selector().optional(),
    schemaRefusals: selector().optional().describe('Requests refused for their schema pins.'),
    stickyReturns: selector().optional().describe('Users’ requests that came back with the mark of the candidate.'),
    stickyViolations: selector().optional().describe('Those among them that stable got.'),
  })
    .optional()
    .describe('Metrics, where they are not ours. Without `from`, what is not named is not judged.'),
  custom: z
    .record(name(), section({ bad: selector(), all: selector() }), { error: 'a mapping from names to {bad, all}' })
    .optional()
    .describe('Proportions that rollouts may name as gates of their own.'),
  startsAtZero: flag()
    .optional()
    .describe(
      'The counters of a revision exist from its start, so that a revision without a series has had none; otherwise that is no data.',
    ),
  headers: headers().describe('Sent with every request.'),
  timeout: timeout().describe('Of one read.'),
};

const scrape = section({
  type: z.literal('scrape'),
  urls: addresses().describe('Every replica’s own address: through a balancer the counts would hop.'),
  serviceParameter: text(/^[A-Za-z0-9_-]{1,64}$/, 'the name of a query parameter')
    .optional()
    .describe('Limits the page to one service. Of `sluice exporter` it is `service`, which it knows; otherwise none is sent.'),
  ...naming,
});

const prometheus = section({
  type: z.literal('prometheus'),
  url: address().describe('Base address of the API.'),
  scrapeInterval: duration({ leastMs: 1_000, mostMs: 600_000 }).describe('Of the service’s scrape job: samples are not fresher.'),
  ...naming,
});

export const metricsSchema = byType(['scrape', 'prometheus'], [scrape, prometheus]);

const httpController = section({
  type: z.literal('http'),
  url: address().describe('Base address.'),
  token: secret().optional().describe('Sent as a bearer token.'),
  timeout: timeout().describe('Of one request.'),
});

export const capacitySchema = byType(['http'], [httpController]);

const postgresQueues = section({
  type: z.literal('postgres'),
  url: secret().describe('`postgres://user:password@host:5432/database` of the services’ guards.'),
  schema: text(SCHEMA_NAME, 'a name of lower-case letters, digits and underscores')
    .optional()
    .describe('Where the guard’s tables are; sluice_guard where nothing is said.'),
  timeout: timeout().describe('Of connecting, and of each call.'),
});

const redisQueues = section({
  type: z.literal('redis'),
  url: secret().describe('`redis://user:password@host:6379` or `rediss://…` of the services’ guards.'),
  prefix: text(/^[!-~]{1,128}$/, 'printable characters without spaces')
    .optional()
    .describe('Before every key of the guard; sluice:guard: where nothing is said.'),
  timeout: timeout().describe('Of connecting, and of each call.'),
});

export const queuesSchema = byType(['http', 'postgres', 'redis'], [httpController, postgresQueues, redisQueues]);

const webhook = section({
  type: z.literal('webhook'),
  url: address(),
  hmacSecret: secret().optional().describe('Signs the body.'),
});

const slack = section({
  type: z.literal('slack'),
  url: secret().describe('An incoming webhook: its address is the credential.'),
});

export const notifiersSchema = byType(['webhook', 'slack'], [webhook, slack]);
