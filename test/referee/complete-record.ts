import { unpinnedLines, type Circumstances, type Evidence, type Finding, type Rule } from './evidence.js';

/** What was under way in a proxy that was killed has no line. More than this many at a time no test has under way. */
const LOST_WITH_A_PROXY = 100;

/**
 * The record must be whole, or the other rules pass by not seeing. The log has a line for every user request that a
 * service itself counted (lines travel by UDP and could be lost), no line is garbled, every line says when, where and why,
 * and there is something to judge at all.
 */
export const completeRecord: Rule = (evidence, circumstances) => [
  ...readable(evidence, circumstances),
  ...Object.keys(evidence.services).flatMap((slot) => counted(slot, evidence, circumstances)),
];

function readable(evidence: Evidence, circumstances: Circumstances): Finding[] {
  const findings: Finding[] = [];
  if (evidence.garbled.length > 0) {
    findings.push(
      finding(
        `${String(evidence.garbled.length)} lines of the access log cannot be read, the first: ${String(evidence.garbled[0])}`,
      ),
    );
  }
  const lines = evidence.lines.filter((line) => line.svc === circumstances.service);
  if (lines.length === 0) findings.push(finding(`the access log has no line of service ${circumstances.service}`));
  const partial = lines.find(
    (line) => !Number.isFinite(line.at) || !Number.isFinite(line.st) || [line.slot, line.why, line.ts].includes(''),
  );
  if (partial !== undefined) findings.push(finding(`a line does not say when, where or why: ${JSON.stringify(partial)}`));
  if (!evidence.commands.some((command) => command.command.kind === 'map-write')) {
    findings.push(finding('no command to the router was recorded: does the worker talk past the recorder?'));
  }
  return findings;
}

function counted(slot: string, evidence: Evidence, circumstances: Circumstances): Finding[] {
  const served = evidence.services[slot]?.counts.user.begun ?? 0;
  const logged = unpinnedLines(evidence, circumstances).filter((line) => line.slot === slot).length;
  const kills = (circumstances.disturbances ?? []).filter((disturbance) => disturbance.what === 'proxy').length;
  if (served <= logged + kills * LOST_WITH_A_PROXY) return [];
  return [
    finding(
      `slot ${slot} counted ${String(served)} user requests, but the access log has only ${String(logged)} of them, and ${String(evidence.lost ?? 0)} lines were lost on their way`,
    ),
  ];
}

function finding(what: string): Finding {
  return { rule: 'complete-record', what };
}
