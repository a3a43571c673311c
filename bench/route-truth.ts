/** What really happened to the route: by HAProxy's access log, and by what it answered on its socket. */
import type { AccessLine } from '../test/harness/access-log.js';
import type { RecordedCommand } from '../test/harness/socket-recorder.js';

/** When the newest ramp of a service was acknowledged as revoked, by the clock of this machine; undefined if never. */
export function revokedAt(commands: readonly RecordedCommand[], service: string): number | undefined {
  const ramp = commands.flatMap(({ command }) => entryOf(command, 'ramps', service)).at(-1);
  return commands.find(
    ({ command, answer }) => ramp !== undefined && answer === '' && entryOf(command, 'revoked', ramp).length > 0,
  )?.answeredAt;
}

export function entryOf(command: RecordedCommand['command'], map: string, key: string): readonly string[] {
  if (command.kind !== 'map-write' || command.map !== map) return [];
  return command.entries.filter((entry) => entry.key === key).map(({ value }) => value);
}

/** Users whom HAProxy routed to the candidate, by the `at` of its access log; pinned requests are nobody's traffic. */
export const onCandidate = (lines: readonly AccessLine[], service: string): readonly AccessLine[] =>
  lines.filter(({ svc, slot, why }) => svc === service && slot === 'green' && why !== 'pin');
