import type { EffectId } from './effects.js';
import type { RolloutState } from './state.js';
import { watchOf } from './watching.js';

/**
 * Ids say what an effect is for, so that the same wish twice starts nothing twice, and a late result of another ramp, step
 * or bucket is recognised. `main` is the effect that moves the phase on; `supervise` stands beside it.
 */
export function currentEffectId(role: 'main' | 'supervise' | 'probe-idle', state: RolloutState): EffectId | undefined {
  const { phase } = state;
  const watch = watchOf(phase);
  if (role === 'supervise')
    return watch === undefined || !('climb' in phase)
      ? undefined
      : `supervise/${phase.climb.ramp.id}/${watch.step}/${watch.bucket}`;
  if (role === 'probe-idle')
    return (phase.kind === 'soaking' || phase.kind === 'baking') && watch !== undefined
      ? `probe/${phase.climb.ramp.id}/${watch.step}/idle`
      : undefined;
  switch (phase.kind) {
    case 'preflight':
      return 'preflight';
    case 'opening':
      return `open-ramp/${phase.climb.ramp.id}`;
    case 'warming':
      return phase.stage === 'capacity' ? `ensure-capacity/${phase.climb.ramp.id}/warming` : `warm-up/${phase.climb.ramp.id}`;
    case 'probing':
      return `probe/${phase.climb.ramp.id}`;
    case 'raising':
      return `ensure-capacity/${phase.climb.ramp.id}/${phase.to}`;
    case 'shifting':
      return `shift/${phase.climb.ramp.id}/${phase.to}/${phase.climb.sequence}`;
    case 'rolling-back':
      return `roll-back/${phase.climb.ramp.id}`;
    case 'verifying':
      return `verify/${phase.climb.ramp.id}`;
    case 'finalising':
      return `finalise/${phase.climb.ramp.id}`;
    case 'draining': {
      const parting = phase.then === 'promoted' ? 'keep-stable' : 'release-capacity';
      const stages = { draining: 'drain', verifying: 'verify-drain', parting, 'handing-over': 'hand-over-drain' };
      return `${stages[phase.stage]}/${phase.climb.ramp.id}`;
    }
    default:
      return undefined;
  }
}
