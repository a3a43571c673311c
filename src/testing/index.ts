/** For authors of adapters, and for tests of what stands above the ports. Never for production: a worker refuses it there. */
export { MemoryCapacity } from './memory-capacity.js';
export { MemoryNotifier } from './memory-notifier.js';
export { MemoryPorts, type MemoryConnections } from './memory-ports.js';
export { MemoryQueues } from './memory-queues.js';
export { MemoryRouter, type MemoryRouterOptions, type RouterCall } from './memory-router.js';
export {
  routerConformance,
  type OpenedStream,
  type RouterConformanceOptions,
  type RouterStage,
  type StartRouterStage,
} from './router-conformance.js';
export { ScriptedMetrics, type Happened, type ScriptedMetricsOptions } from './scripted-metrics.js';
