/**
 * The rules that every router adapter keeps (design.md §4), as one suite. It looks at what users get, by real requests, and at
 * the port, and never inside the adapter. Run it from a test file: `routerConformance('HAProxy', startStage)`.
 */
import { after, describe } from 'node:test';
import { fencingRules } from './conformance/fencing.js';
import { leaseRules } from './conformance/lease.js';
import { promotionRules } from './conformance/promotion.js';
import { stickinessRules } from './conformance/stickiness.js';
import { trafficRules } from './conformance/traffic.js';
import { unknownOutcomeRules } from './conformance/unknown-outcome.js';
import { weightRules } from './conformance/weights.js';
import type { StartRouterStage } from './router-stage.js';

export type { Identity, OpenedStream, RouterStage, StartRouterStage } from './router-stage.js';

export interface RouterConformanceOptions {
  /** Runs after the last test. */
  readonly after?: () => void | Promise<void>;
}

export function routerConformance(name: string, start: StartRouterStage, options: RouterConformanceOptions = {}): void {
  void describe(`${name} as a traffic router`, () => {
    if (options.after !== undefined) after(options.after);
    const all = [weightRules, stickinessRules, fencingRules, leaseRules, promotionRules, trafficRules, unknownOutcomeRules];
    for (const rules of all) rules(start);
  });
}
