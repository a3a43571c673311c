import type { CliExit, Finding, Rule } from './evidence.js';
import { reportedResult } from './reported.js';

/**
 * Exit codes (design §6): "0 promoted or milestone reached, 1 error, 2 rolled back, 3 frozen, 4 refused, 5 detached and still
 * running, 6 held for a human." A pipeline acts on nothing else, so a `start --wait` that saw the end must say what the
 * workflow says.
 *
 * 1, 5 and 6 claim no outcome. 3 is said when the rollout freezes, after which a human may still retry it.
 */
export const exitCodes: Rule = (evidence) => {
  const outcomes = evidence.rollouts.map((chain) => reportedResult(chain)?.outcome).filter((said) => said !== undefined);
  const waits = evidence.exits.filter(waitsForTheEnd);
  return waits.flatMap((exit): Finding[] => {
    const claim = CLAIMS[String(exit.code)];
    if (claim === undefined || outcomes.length === 0 || outcomes.includes(claim)) return [];
    const what = `\`sluice ${exit.arguments.join(' ')}\` exited with ${String(exit.code)} (${claim}), but the workflow says ${outcomes.join(', ')}`;
    return [{ rule: 'exit-codes', at: exit.at, what }];
  });
};

const CLAIMS: Readonly<Record<string, string>> = { '0': 'promoted', '2': 'rolled-back', '4': 'refused' };

function waitsForTheEnd(exit: CliExit): boolean {
  return exit.arguments[0] === 'start' && ['--wait', '--watch'].some((word) => exit.arguments.includes(word));
}
