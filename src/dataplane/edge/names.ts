/** Names and spellings that clients, slots and controllers see. All are those of HAProxy's configuration (deploy/haproxy). */

/** Read-back, on the control port. */
export const CONTROL_PATH = '/route';
/** Answered by the edge itself on the users' port, and not in its log. */
export const ECHO_PATH = '/.well-known/sluice-route';
/** What stands for the ramp and sequence of a service without a rollout. */
export const NO_GENERATION = 'none.0';
/** Where nobody said which release runs in a slot. */
export const NO_RELEASE = '-';
