import type { RolloutActivities } from '../contract/activities.js';
import { judge, openEvidence } from '../judge/judge.js';
import { learn } from '../judge/look-back.js';
import type { Ports } from '../providers/ports.js';
import { controlQueues } from './control-queues.js';
import type { Dependencies, Tools } from './dependencies.js';
import { ensureCapacity } from './ensure-capacity.js';
import { guarded } from './failures.js';
import { finalise } from './finalise.js';
import { inContext } from './log-fields.js';
import { notify } from './notify.js';
import { openRamp } from './open-ramp.js';
import { preflight } from './preflight/preflight.js';
import { probe } from './probe.js';
import { releaseCapacity } from './release-capacity.js';
import { revokeRamp } from './revoke-ramp.js';
import { rollBack } from './roll-back.js';
import { shiftWeight } from './shift-weight.js';
import { superviseRamp } from './supervise/supervise-ramp.js';
import { sweepOrphans } from './sweep-orphans.js';
import { verify } from './verify.js';
import { verifyDrain } from './verify-drain.js';
import { waitForDrain } from './wait-for-drain.js';
import { warmUp } from './warm-up.js';

/** All activities, each wrapped so that only Temporal failures without secrets leave it. */
export function createActivities(ports: Ports, dependencies: Dependencies): RolloutActivities {
  const tools: Tools = { judge: { judge, learn, openEvidence }, ...dependencies, logger: inContext(dependencies.logger), ports };
  const { redact } = tools;
  return {
    preflight: guarded(preflight(tools), redact),
    openRamp: guarded(openRamp(tools), redact),
    warmUp: guarded(warmUp(tools), redact),
    probe: guarded(probe(tools), redact),
    ensureCapacity: guarded(ensureCapacity(tools), redact),
    shiftWeight: guarded(shiftWeight(tools), redact),
    // A worker that does not know a connection must not end the supervision: another one may know it.
    superviseRamp: guarded(superviseRamp(tools), redact, 'always-retry'),
    revokeRamp: guarded(revokeRamp(tools), redact, 'always-retry'),
    rollBack: guarded(rollBack(tools), redact, 'always-retry'),
    waitForDrain: guarded(waitForDrain(tools), redact),
    verify: guarded(verify(tools), redact),
    finalise: guarded(finalise(tools), redact),
    verifyDrain: guarded(verifyDrain(tools), redact),
    releaseCapacity: guarded(releaseCapacity(tools), redact),
    controlQueues: guarded(controlQueues(tools), redact),
    notify: guarded(notify(tools), redact),
    sweepOrphans: guarded(sweepOrphans(tools), redact),
  };
}
