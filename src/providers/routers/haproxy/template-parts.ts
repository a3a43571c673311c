/** What both front ends of the configuration share. */
import { mapFileName, type MapName } from './maps.js';
import { NO_ROUTE } from '../slots/names.js';

/** A map's file as the configuration names it. The adapter addresses runtime maps by the same path. */
export const map = (name: MapName): string => '${RUN}/' + mapFileName(name);

/** The words of a route, in the order in which finalise requires them to be read; both frontends share it. */
export function readRoute(): string {
  return `  http-request set-var(txn.cfg) str(${NO_ROUTE})
  http-request set-var(txn.live) "var(txn.svc),map_str(${map('ramps')})"
  http-request set-var(txn.cfg) "var(txn.svc),concat(/,txn.live),map_str(${map('routes')},${NO_ROUTE})" if { var(txn.live) -m found }
  http-request set-var(txn.gen) var(txn.cfg),field(4,:)`;
}
