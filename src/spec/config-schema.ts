import { z } from 'zod';
import { capacitySchema, metricsSchema, notifiersSchema, queuesSchema, routersSchema } from './connections-schema.js';
import { choice, count, flag, label, name, section, text } from './fields.js';
import { floorsSchema } from './floors.js';
import { SHIPPED_PROFILES } from './profiles.js';
import { secret } from './secret-schema.js';
import { settingsShape } from './settings-schema.js';

export const CONNECTION_KINDS = ['routers', 'metrics', 'capacity', 'queues', 'notifiers'] as const;
export type ConnectionKind = (typeof CONNECTION_KINDS)[number];

const tls = z.union(
  [
    flag(),
    section({
      serverName: text(/^[A-Za-z0-9.-]{1,253}$/, 'the name of a host')
        .optional()
        .describe('Name that the server’s certificate must carry.'),
      ca: secret().optional().describe('Certificates to trust (PEM).'),
      certificate: secret().optional().describe('Client certificate (PEM).'),
      key: secret().optional().describe('Its key (PEM).'),
    }),
  ],
  { error: 'true, false or a mapping with serverName, ca, certificate, key' },
);

const encryptionKey = {
  keyId: text(/^[A-Za-z0-9._-]{1,64}$/, 'the name of a key, of 1 to 64 letters, digits and . _ -'),
  key: secret(),
};
const encryption = section({
  keyId: encryptionKey.keyId.describe(
    'Name of the key that encrypts; it stands beside every payload, so that its reader finds the key.',
  ),
  key: encryptionKey.key.describe('That key: 32 bytes in base64, as openssl rand -base64 32 makes them.'),
  previous: z
    .array(section(encryptionKey), { error: 'a list of {keyId, key}' })
    .optional()
    .describe('Keys of before a rotation, or of after the next one: they decrypt, and encrypt nothing.'),
});

const temporal = section({
  address: text(/^[A-Za-z0-9.\-[\]:]+:\d{1,5}$/, 'host:port')
    .optional()
    .describe('The server’s gRPC address; 127.0.0.1:7233 where nothing is said.'),
  namespace: text(/^[A-Za-z0-9._-]{1,255}$/, 'the name of a namespace')
    .optional()
    .describe('The namespace; default where nothing is said.'),
  tls: tls.optional().describe('Absent: plain, unless there is an apiKey.'),
  apiKey: secret().optional().describe('For Temporal Cloud.'),
  encryption: encryption
    .optional()
    .describe('Payloads are encrypted before Temporal has them; worker and command line need the same keys.'),
});

const environment = section({
  production: flag().describe('Real users: rehearsals are refused.'),
  floors: floorsSchema.optional().describe('As the general floors, and in place of them field by field.'),
});

const pattern = (expected: string) => text(/^[a-z0-9][a-z0-9-]{0,62}\*?$|^\*$/, expected);
const allowance = section({
  services: z
    .array(pattern('the name of a service, or its beginning and *'), { error: 'a list of services' })
    .optional()
    .describe('Absent: every service.'),
  environments: z.array(label(), { error: 'a list of environments' }).optional().describe('Absent: every environment.'),
});
const allowances = () =>
  z.record(name(), allowance, { error: 'a mapping from connections to {services, environments}' }).optional();

const profile = section({
  extends: choice(SHIPPED_PROFILES).describe('What it is made of where it says nothing else.'),
  ...settingsShape,
});

export const configSchema = section({
  temporal: temporal.optional().describe('Where Temporal is.'),
  routers: routersSchema.optional().describe('Routers by name.'),
  metrics: metricsSchema.optional().describe('Sources of metrics by name.'),
  capacity: capacitySchema.optional().describe('Controllers of capacity by name.'),
  queues: queuesSchema.optional().describe('Controllers of queues by name.'),
  notifiers: notifiersSchema.optional().describe('Ways to tell people, by name.'),
  environments: z
    .record(label(), environment, { error: 'a mapping from environments to {production, floors}' })
    .refine((environments) => Object.keys(environments).length > 0, { error: 'at least one environment' })
    .describe('Environments by name. A rollout in any other is refused.'),
  limits: section({
    rollouts: count({ least: 1, most: 10_000 })
      .optional()
      .describe('Open rollouts that a worker takes on; 500 where nothing is said.'),
  })
    .optional()
    .describe('Limits of a worker.'),
  floors: floorsSchema.optional().describe('What no rollout may go below. A rollout may only tighten it.'),
  allow: section({
    routers: allowances(),
    metrics: allowances(),
    capacity: allowances(),
    queues: allowances(),
    notifiers: allowances(),
  })
    .optional()
    .describe('Who may use a connection; one without an entry may be used by every rollout.'),
  profiles: z
    .record(name(), profile, { error: 'a mapping from names to {extends, …}' })
    .optional()
    .describe('Profiles of the platform team: what they extend, and any settings of rollout.yaml.'),
});

export type ConfigFile = z.output<typeof configSchema>;

type Named<Kind extends ConnectionKind> = NonNullable<ConfigFile[Kind]>;
export type RouterConnection = Named<'routers'>[string];
export type MetricsConnection = Named<'metrics'>[string];
export type CapacityConnection = Named<'capacity'>[string];
export type QueuesConnection = Named<'queues'>[string];
export type NotifierConnection = Named<'notifiers'>[string];
export type TemporalConnection = NonNullable<ConfigFile['temporal']> & { readonly address: string; readonly namespace: string };
