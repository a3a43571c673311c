import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { loadPlan } from '../files.js';
import { planWarnings } from '../plan-warnings.js';
import type { Run } from '../program.js';
import { planLines } from '../render/plan.js';
import { report } from '../report.js';
import { withFile, type FileOptions } from './validate.js';

export function planCommand(program: Command, run: Run): void {
  withFile(program.command('plan').description('what a rollout would do; nothing is started')).action(
    (file: string, options: FileOptions) =>
      run((surroundings) => {
        const { plan, platform } = loadPlan(surroundings, { ...options, file });
        const warnings = planWarnings(plan, platform.routers[plan.connections.router]);
        return Promise.resolve(
          report(surroundings, options.output, {
            exit: EXIT.ok,
            lines: planLines(plan, warnings),
            value: {
              ...plan.target,
              release: plan.candidate.release,
              profile: plan.profile,
              digest: plan.digest,
              plan,
              warnings,
            },
          }),
        );
      }),
  );
}
