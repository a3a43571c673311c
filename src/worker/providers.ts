import type { Logger } from 'pino';
import { httpCapacity } from '../providers/capacity/http.js';
import { permanent } from '../providers/errors.js';
import { slackNotifier } from '../providers/notify/slack.js';
import { webhookNotifier } from '../providers/notify/webhook.js';
import type { CapacityController, Notifier, Ports, QueueController } from '../providers/ports.js';
import { httpQueues } from '../providers/queues/http.js';
import { postgresQueues } from '../providers/queues/postgres.js';
import { redisQueues } from '../providers/queues/redis.js';
import type { CapacityConnection, NotifierConnection, QueuesConnection } from '../spec/config-schema.js';
import type { PlatformConfig } from '../spec/platform.js';
import type { Resolved } from '../spec/secrets.js';
import { makerOf } from './makers.js';
import { metricsMaker } from './metric-sources.js';
import { WorkerConfigurationError, type NamedPorts } from './options.js';
import { makeRouter } from './routers.js';

type Config = Resolved<Pick<PlatformConfig, 'routers' | 'metrics' | 'capacity' | 'queues' | 'notifiers'>>;

const makeCapacity = makerOf<Resolved<CapacityConnection>, CapacityController>('capacity connection', {
  http: ({ url, token, timeout }) => httpCapacity({ url, token, timeoutMs: timeout }),
});
const makeQueues = makerOf<Resolved<QueuesConnection>, QueueController>('queues connection', {
  http: ({ url, token, timeout }) => httpQueues({ url, token, timeoutMs: timeout }),
  postgres: ({ url, schema, timeout }) => postgresQueues({ url, schema, timeoutMs: timeout }),
  redis: ({ url, prefix, timeout }) => redisQueues({ url, prefix, timeoutMs: timeout }),
});
const makeNotifier = makerOf<Resolved<NotifierConnection>, Notifier>('notifier', {
  webhook: ({ url, hmacSecret }) => webhookNotifier({ url, hmacSecret }),
  slack: ({ url }) => slackNotifier({ url }),
});

/** Every connection becomes an adapter now, so that a mistake in one is told at the start and not in the middle of a rollout. */
export function createPorts(config: Config, logger: Logger, inMemory: NamedPorts = {}): Ports {
  const problems: string[] = [];
  const make = <Connection, Port>(
    section: string,
    connections: Readonly<Record<string, Connection>>,
    maker: (connection: Connection) => Port,
    more: Readonly<Record<string, Port>> = {},
  ): Readonly<Record<string, Port>> => {
    const made = Object.entries(connections).flatMap(([name, connection]): readonly (readonly [string, Port])[] => {
      if (Object.hasOwn(more, name)) problems.push(`${section}.${name}: configured, and in memory as well`);
      try {
        return [[name, maker(connection)]];
      } catch (error) {
        problems.push(`${section}.${name}: ${error instanceof Error ? error.message : String(error)}`);
        return [];
      }
    });
    return { ...Object.fromEntries(made), ...more };
  };
  const routers = make('routers', config.routers, makeRouter, inMemory.routers);
  const metrics = make('metrics', config.metrics, metricsMaker(logger), inMemory.metrics);
  const capacity = make('capacity', config.capacity, makeCapacity, inMemory.capacity);
  const queues = make('queues', config.queues, makeQueues, inMemory.queues);
  const notifiers = make('notifiers', config.notifiers, makeNotifier, inMemory.notifiers);
  if (problems.length > 0) throw new WorkerConfigurationError(problems);
  return {
    router: named('router', routers),
    metrics: named('metrics connection', metrics),
    capacity: named('capacity connection', capacity),
    queues: named('queues connection', queues),
    notifier: named('notifier', notifiers),
  };
}

function named<Port>(what: string, known: Readonly<Record<string, Port>>): (name: string) => Port {
  return (name) => {
    const port = Object.hasOwn(known, name) ? known[name] : undefined;
    if (port === undefined)
      throw permanent(`unknown ${what} "${name}"; this worker knows: ${Object.keys(known).join(', ') || 'none'}`);
    return port;
  };
}
