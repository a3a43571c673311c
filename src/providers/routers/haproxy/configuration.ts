/**
 * The text of the HAProxy configuration that the adapter of this folder steers (`router.ts`), for a given list of services.
 * `deploy/haproxy/haproxy.cfg` is its rendering for one service `app`; a test holds the two equal.
 *
 * It needs HAProxy 2.6 or newer, in master-worker mode. Why each line is as it is stands beside it in the text, because
 * that is where somebody reads it at night.
 */
import { SLOTS, type Slot } from '../../../domain/words.js';
import { permanent } from '../../errors.js';
import { MAP_NAMES, PIN_SOURCES_FILE, mapFileName } from './maps.js';
import { CONTROL_PATH } from '../slots/names.js';
import { controlFrontend } from './template-control.js';
import { usersFrontend } from './template-users.js';

export interface HaproxyService {
  /** Letters, digits, `_` and `-`: it becomes a map key and part of backend names. */
  readonly name: string;
  /** `host:port` of each slot. Environment variables are expanded by HAProxy: `${APP_BLUE_HOST-127.0.0.1}:${APP_BLUE}`. */
  readonly slots: Readonly<Record<Slot, string>>;
}

export interface HaproxyConfigurationOptions {
  /** The first is the one that requests go to which no host and no path names. */
  readonly services: readonly HaproxyService[];
  /**
   * How long the workers of an earlier load may go on with open streams, in seconds. At least the longest drain ceiling, or
   * a reload kills streams (R16): 1,800, the ceiling of the profile `cautious`, unless told.
   */
  readonly drainCeilingS?: number;
  /** Longest silence of a client or slot in the middle of an answer, in seconds; streams must beat faster (X26). 60 unless told. */
  readonly silenceS?: number;
}

/** Slots whose addresses HAProxy takes from its environment: `APP_BLUE`, and `APP_BLUE_HOST` where it is not 127.0.0.1. */
export function slotsFromEnvironment(service: string): HaproxyService {
  const variable = (slot: Slot): string => `${service}_${slot}`.toUpperCase().replaceAll('-', '_');
  const address = (slot: Slot): string => '${' + variable(slot) + '_HOST-127.0.0.1}:${' + variable(slot) + '}';
  return { name: service, slots: { blue: address('blue'), green: address('green') } };
}

/** Renders the configuration. Throws a permanent error that names the service and what is wrong with it. */
export function haproxyConfiguration(options: HaproxyConfigurationOptions): string {
  const { services, drainCeilingS = 1_800, silenceS = 60 } = options;
  const first = checkServices(services);
  return `${[head(first), globals(drainCeilingS), defaults(silenceS), controlFrontend(services, first), usersFrontend(first, silenceS), backends(services)].join('\n\n')}\n`;
}

/** Files that must lie in RUN before HAProxy's first start, by name: each service on its stable slot, no rollout. */
export function haproxyRunFiles(services: readonly { readonly name: string; readonly stable: Slot }[]): Record<string, string> {
  const files: Record<string, string> = { [PIN_SOURCES_FILE]: '' };
  for (const name of MAP_NAMES) files[mapFileName(name)] = '';
  files[mapFileName('stable')] = services.map((service) => `${service.name} ${service.stable}\n`).join('');
  return files;
}

function checkServices(services: readonly HaproxyService[]): string {
  const [first] = services;
  if (first === undefined) throw permanent('an HAProxy configuration needs at least one service, got none');
  const seen = new Set<string>();
  for (const { name, slots } of services) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) throw permanent(`service name "${name}": expected 1 to 64 letters, digits, _ or -`);
    if (seen.has(name)) throw permanent(`service "${name}" is listed twice`);
    seen.add(name);
    for (const [slot, address] of Object.entries(slots)) {
      if (!/^[^\s"'\\#]+:[^\s"'\\#:]+$/.test(address))
        throw permanent(`service "${name}", slot ${slot}: expected host:port, found "${address}"`);
    }
  }
  return first.name;
}

function head(first: string): string {
  return `# Sluice's HAProxy (2.6 or newer). Rendered by src/providers/routers/haproxy/configuration.ts: change that, not this.
# Start, with RUN an absolute folder that holds the files named below, and the variables that the slots at the end name:
#   RUN=/var/lib/sluice PORT=8080 CTL=8081 LOG=5514 RELEASE_TOKEN=<16 characters or more> ... \\
#     haproxy -W -S /var/lib/sluice/master.sock,mode,600 -f haproxy.cfg
# Check, with the same variables: haproxy -c -f haproxy.cfg
# Environment: RUN; PORT for users, on BIND (127.0.0.1); CTL for the read-back, loopback only; LOG, UDP, on LOG_HOST (127.0.0.1);
#   RELEASE_TOKEN allows pins; UID_HEADER (x-user-id) names users where something trusted sets it; STICKY_HEADER (x-sticky-key), a
#   key that callers repeat on each request; SERVICE (${first}); RELPIN (on).
#
# What is told at run time, in maps; a file of the same name holds what a start or reload returns to:
#   stable     service -> blue|green                        file: yes. Written by finalise, and by a rollback after one
#   ramps      service -> ramp                              file: yes. The fence: no other ramp's route is ever read
#   routes     service/ramp -> slot:bp:sticky:ramp.sequence file: empty for ever, so that a restart falls back to stable
#              (sticky: off, or what users are told apart by: on (their id), cookie, header)
#   leases     ramp -> expiry, in whole epoch seconds       file: empty for ever
#   revoked    ramp -> 1 | finalised.<sequence>             file: yes. Only ever added to
#   ramp-info  ramp -> epoch:owner                          file: yes. Only ever added to
#   releases   service/slot -> release id                   file: yes. For the log
#   hosts      host -> service, paths: prefix -> service    file: yes. Yours; without a match the request is SERVICE's
# and pin-src.acl: source addresses that may pin without the token (a load balancer's address would let everybody).
#
# Break glass, without any controller (an empty answer is success; socat is one way to talk to the socket):
#   who is live:         curl -s "localhost:$CTL${CONTROL_PATH}?svc=${first}"
#   everybody to stable: echo "add map $RUN/revoked.map <ramp> 1" | socat - $RUN/admin.sock ; echo '<ramp> 1' >> $RUN/revoked.map`;
}

function globals(drainCeilingS: number): string {
  return `global
  stats socket "\${RUN}/admin.sock" mode 600 level admin expose-fd listeners
  stats timeout 10m
  # ends what is still open in the workers of an earlier load: never before the drain ceiling (R16)
  hard-stop-after ${String(drainCeilingS)}s
  log "\${LOG_HOST-127.0.0.1}:\${LOG}" len 4096 format raw local0 info`;
}

function defaults(silenceS: number): string {
  return `defaults
  mode http
  log global
  option dontlognull
  timeout connect 2s
  timeout client ${String(silenceS)}s
  timeout server ${String(silenceS)}s
  timeout tunnel 1h
  timeout queue 5s
  option http-keep-alive
  # after a reload a kept connection is answered once more, then closed: nothing is cut
  option idle-close-on-response
  # a client that leaves before the first byte ends the request upstream too, and its line says so (CH--)
  option abortonclose
  retries 2
  # a refused connection counts at once: a dead slot leaves the draw after three failed connects, not only after the checks
  default-server check inter 500ms fall 2 rise 2 observe layer4 error-limit 3 on-error mark-down`;
}

function backends(services: readonly HaproxyService[]): string {
  const lines = services.flatMap(({ name, slots }) =>
    SLOTS.map((slot) => `backend ${name}-${slot}\n  server s1 "${slots[slot]}"`),
  );
  return `# a backend a service and slot, named <service>-<slot>
${lines.join('\n')}
# a service in the maps that this file does not know
backend nowhere
  http-request return status 503 content-type application/problem+json string '{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"no such service or slot"}'`;
}
