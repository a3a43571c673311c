import { z } from 'zod';
import { choice, count, duration, flag, name, section, text } from './fields.js';
import { address, secret } from './secret-schema.js';

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
  releaseToken: secret().describe('Authorises pinned requests (A15).'),
});

const edge = section({
  type: z.literal('edge'),
  control: address().describe('The embedded edge’s control endpoint.'),
  public: address().describe('Where users arrive.'),
  token: secret().describe('Authorises control and pinned requests.'),
});

const capabilities = section({
  stepBp: count({ least: 1, most: 10_000 }).optional().describe('Weights are multiples of this.'),
  split: choice(['exact', 'bernoulli', 'hash']).optional(),
  fencing: choice(['revocation', 'compare-and-set', 're-assert']).optional(),
  lease: flag().optional(),
  pin: choice(['header', 'url', 'qualifier', 'none']).optional(),
  pinMiss: choice(['fails', 'falls-through']).optional(),
  sticky: choice(['none', 'cookie', 'key-hash']).optional(),
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

const metricName = () => text(/^[A-Za-z_:][A-Za-z0-9_:]{0,199}$/, 'the name of a metric');
const labelName = () => text(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'the name of a label');

const naming = {
  labels: section({
    service: labelName().optional(),
    revision: labelName().optional().describe('Tells the revisions apart: `revision`, `version`, `pod_template_hash`, …'),
    replica: labelName().optional(),
    code: labelName().optional().describe('Status code or its class.'),
  })
    .optional()
    .describe('Labels, where they are not ours.'),
  names: section({
    requests: metricName().optional(),
    latency: metricName().optional(),
    coldStarts: metricName().optional(),
    queueAge: metricName().optional(),
    replays: metricName().optional(),
    duplicates: metricName().optional(),
  })
    .optional()
    .describe('Metrics, where they are not ours.'),
  headers: headers().describe('Sent with every request.'),
  timeout: timeout().describe('Of one read.'),
};

const scrape = section({
  type: z.literal('scrape'),
  urls: addresses().describe('Every replica’s own address: through a balancer the counts would hop.'),
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
export const queuesSchema = byType(['http'], [httpController]);

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
