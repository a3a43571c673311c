import type { Instant } from './words.js';

/** `22:11:18Z`. */
export const clock = (at: Instant): string => `${new Date(at).toISOString().slice(11, 19)}Z`;

/** `2026-11-24 22:11:18Z`: for instants that may lie on another day. */
export const moment = (at: Instant): string => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;
