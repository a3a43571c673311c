import type { Instant } from '../domain/words.js';
import { permanent } from '../providers/errors.js';
import type { CapacityController, MetricSource, Notifier, Ports, QueueController, TrafficRouter } from '../providers/ports.js';
import { MemoryCapacity } from './memory-capacity.js';
import { MemoryNotifier } from './memory-notifier.js';
import { MemoryQueues } from './memory-queues.js';
import { MemoryRouter } from './memory-router.js';
import { ScriptedMetrics } from './scripted-metrics.js';

/** Connections by name; what a test does not name is there in memory, under the name `memory`. */
export interface MemoryConnections {
  readonly routers?: Readonly<Record<string, TrafficRouter>>;
  readonly metrics?: Readonly<Record<string, MetricSource>>;
  readonly capacity?: Readonly<Record<string, CapacityController>>;
  readonly queues?: Readonly<Record<string, QueueController>>;
  readonly notifiers?: Readonly<Record<string, Notifier>>;
}

/** A worker's ports in memory. `inMemory` is what stands behind the name `memory`. */
export class MemoryPorts implements Ports {
  readonly inMemory: {
    readonly router: MemoryRouter;
    readonly metrics: ScriptedMetrics;
    readonly capacity: MemoryCapacity;
    readonly queues: MemoryQueues;
    readonly notifier: MemoryNotifier;
  };
  readonly #connections: Required<MemoryConnections>;

  constructor(now: () => Instant, connections: MemoryConnections = {}) {
    this.inMemory = {
      router: new MemoryRouter({ now }),
      metrics: new ScriptedMetrics({ now }),
      capacity: new MemoryCapacity(),
      queues: new MemoryQueues(),
      notifier: new MemoryNotifier(),
    };
    const { router, metrics, capacity, queues, notifier } = this.inMemory;
    this.#connections = {
      routers: { memory: router, ...connections.routers },
      metrics: { memory: metrics, ...connections.metrics },
      capacity: { memory: capacity, ...connections.capacity },
      queues: { memory: queues, ...connections.queues },
      notifiers: { memory: notifier, ...connections.notifiers },
    };
  }

  router(name: string): TrafficRouter {
    return named('router', this.#connections.routers, name);
  }

  metrics(name: string): MetricSource {
    return named('metrics', this.#connections.metrics, name);
  }

  capacity(name: string): CapacityController {
    return named('capacity', this.#connections.capacity, name);
  }

  queues(name: string): QueueController {
    return named('queues', this.#connections.queues, name);
  }

  notifier(name: string): Notifier {
    return named('notifier', this.#connections.notifiers, name);
  }
}

function named<T>(kind: string, connections: Readonly<Record<string, T>>, name: string): T {
  const found = Object.hasOwn(connections, name) ? connections[name] : undefined;
  if (found !== undefined) return found;
  throw permanent(`no ${kind} connection "${name}"; known: ${Object.keys(connections).join(', ')}`);
}
