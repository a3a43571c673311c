/** Collects the evidence of a run from a stage of the harness, at rest. */
import type { RouteSnapshot } from '../harness/route-snapshot.js';
import type { Stage } from '../harness/stage.js';
import { until } from '../harness/until.js';
import type { WorkflowHistory } from '../harness/workflow-history.js';
import type { CliExit, Evidence } from './evidence.js';

export interface Besides {
  /** Taken while the run lasted. The last one is taken here. */
  readonly snapshots?: readonly RouteSnapshot[];
  readonly rollouts?: readonly (readonly WorkflowHistory[])[];
  readonly exits?: readonly CliExit[];
}

/**
 * Call it when the workflow has closed: waits until open streams have ended and the log has the lines of what the services had
 * counted by then, for `withinMs` (10 s). A load may go on. Lines that do not come are for the referee to complain of, and no error here.
 */
export async function gather(stage: Stage, besides: Besides = {}, withinMs = 10_000): Promise<Evidence> {
  const [blue, green] = await Promise.all([stage.blue.reportAtRest({ withinMs }), stage.green.reportAtRest({ withinMs })]);
  // Users and pinned by themselves: a line more of the one kind must not stand for one of the other that is still on its way.
  const isLogged = (slot: string, { counts: { user, pinned } }: typeof blue): boolean => {
    const lines = stage.log.lines.filter((line) => line.slot === slot);
    const byPin = lines.filter(({ why }) => why === 'pin').length;
    return lines.length - byPin >= user.begun && byPin >= pinned.begun;
  };
  const areLogged = (): boolean => isLogged('blue', blue) && isLogged('green', green);
  await until(areLogged, { withinMs, what: 'the log' }).catch(() => undefined);
  return {
    lines: [...stage.log.lines],
    garbled: [...stage.log.garbled],
    lost: stage.log.lost() + (await stage.haproxy.droppedLogs()),
    snapshots: [...(besides.snapshots ?? []), await stage.haproxy.route()],
    commands: [...stage.admin.commands(), ...stage.master.commands()],
    rollouts: besides.rollouts ?? [],
    services: { blue, green },
    exits: besides.exits ?? [],
  };
}
