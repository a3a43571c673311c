/** Names that the configuration and the adapter must agree on. */

/** Runtime maps, and files of the same name; what each holds stands at the head of the configuration. */
export const MAP_NAMES = ['stable', 'ramps', 'routes', 'leases', 'revoked', 'ramp-info', 'releases', 'hosts', 'paths'] as const;
export type MapName = (typeof MAP_NAMES)[number];

export const PIN_SOURCES_FILE = 'pin-src.acl';
/** Value in `revoked` of a ramp that was rolled back; a finalised one has `finalised.<sequence>`. */
export const ROLLED_BACK = '1';

export const mapFileName = (name: MapName): string => `${name}.map`;
