import type { RolloutStatus } from '../../contract/rollout.js';
import type { MessageKind } from '../../domain/messages.js';

/** The commands that make sense now; the first one ready to be copied, the others like it. */
export function actions(status: Pick<RolloutStatus, 'service' | 'environment' | 'phase' | 'blockers'>): string {
  return useful(status)
    .map(
      (kind, index) =>
        `${kind}: sluice ${kind} ${index === 0 ? `${status.service} --env ${status.environment} --reason "…"` : '…'}`,
    )
    .join('   ');
}

function useful({ phase, blockers }: Pick<RolloutStatus, 'phase' | 'blockers'>): readonly MessageKind[] {
  switch (phase) {
    case 'frozen':
    case 'schema-held':
    case 'cooling-off':
      return ['retry', 'abort'];
    case 'rolling-back':
    case 'finalising':
    case 'draining':
    case 'closed':
      return [];
    default: {
      const approve = blockers.some(({ kind }) => kind === 'awaiting-approval');
      const paused = blockers.some(({ kind }) => kind === 'paused');
      return [...(approve ? (['approve'] as const) : []), paused ? 'resume' : 'pause', 'abort'];
    }
  }
}
