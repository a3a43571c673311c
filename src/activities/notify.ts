import type { RolloutActivities } from '../contract/activities.js';
import { ProviderError } from '../providers/errors.js';
import type { Tools } from './dependencies.js';
import { execution, throwIfCancelled, type Execution } from './execution.js';
import { describeError } from './failures.js';
import { isRecord } from './json.js';
import { within } from './waiting.js';

/**
 * One notice to every connection, at the same time: one that is down keeps it from nobody. A retry asks only those that have
 * not taken it; the id lets receivers drop what they get twice all the same.
 */
export function notify(tools: Tools): RolloutActivities['notify'] {
  return async ({ where, severity, title, text, id }) => {
    const run = execution();
    const sent = new Set(sentBefore(run));
    const failed: { readonly name: string; readonly error: unknown }[] = [];
    const send = async (name: string): Promise<void> => {
      try {
        const notice = { title, text, severity, rollout: where.rollout };
        await within(
          tools.clock,
          run.patienceMs,
          () => tools.ports.notifier(name).send(notice, `${where.rollout}/${id}`),
          run.signal,
        );
        sent.add(name);
      } catch (error) {
        failed.push({ name, error });
      }
    };
    await Promise.all(where.connections.notify.filter((name) => !sent.has(name)).map(send));
    throwIfCancelled(run.signal);
    if (failed.length === 0) return;
    run.heartbeat({ sent: [...sent] });
    const permanent = failed.every(({ error }) => error instanceof ProviderError && error.kind === 'permanent');
    throw new ProviderError(
      failed.map(({ name, error }) => `${name}: ${describeError(error)}`).join('; '),
      permanent ? 'permanent' : 'transient',
    );
  };
}

function sentBefore({ resumed }: Execution): readonly string[] {
  const names = isRecord(resumed) ? resumed['sent'] : undefined;
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}
