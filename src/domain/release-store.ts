/** Where the release record is, which the controller that writes it and the guards that read it must agree on. */
import type { Target } from './words.js';

/** Of the guard's tables in PostgreSQL, unless told. */
export const GUARD_SCHEMA = 'sluice_guard';
/** Of the guard's keys in Redis, unless told. */
export const GUARD_PREFIX = 'sluice:guard:';

/** The channel of a database on which every new record is told; the payload is `releaseNotice`. */
export const RELEASE_CHANNEL = 'sluice_release';

export const releaseNotice = (schema: string, { environment, service }: Target): string => `${schema} ${environment}/${service}`;

/** The hash of a record in Redis, and the channel on which a new one is told. */
export const releaseKey = (prefix: string, { environment, service }: Target): string =>
  `${prefix}release:${environment}/${service}`;

/** A schema's name stands in statements as it is, so nothing but a plain name is let through. */
export const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;
