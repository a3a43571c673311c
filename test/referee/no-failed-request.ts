import { describeLine, firstOfMany, isDisturbed, unpinnedLines, type Rule } from './evidence.js';

/**
 * No request fails because of a shift. (Acceptance target "No increase in 5xx rate at each traffic step", of which the
 * proxy's own part must be nothing at all.)
 *
 * A 5xx that a service answered ends whole (`--`) and is the service's own. One with another termination state is the
 * proxy's: no connection (`SC`), no answer (`SH`), nobody to send it to (`LR`). Those are allowed only while the test says
 * that a proxy or that slot was down. Pins are left out: a preflight may well find its candidate dead.
 */
export const noFailedRequest: Rule = (evidence, circumstances) => {
  const failed = unpinnedLines(evidence, circumstances).filter((line) => {
    const isProxys = line.st >= 500 && !line.ts.startsWith('-') && !line.ts.startsWith('C');
    const span = { from: line.at, to: line.at + Math.max(line.Ta, 0), slot: line.slot };
    return isProxys && !isDisturbed(circumstances, ['proxy', 'slot'], span);
  });
  return firstOfMany('no-failed-request', failed, (line) => `the proxy itself failed a request: ${describeLine(line)}`);
};
