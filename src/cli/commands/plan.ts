import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { loadPlan } from '../files.js';
import { rpsArgument, shareArgument } from '../options.js';
import { expectedTraffic, outlookOf } from '../plan/outlook.js';
import { outlookWarnings } from '../plan/outlook-warnings.js';
import { planWarnings } from '../plan/warnings.js';
import type { Run } from '../program.js';
import { planLines } from '../render/plan.js';
import { report } from '../report.js';
import { withFile, type FileOptions } from './validate.js';

interface PlanOptions extends FileOptions {
  readonly rps?: number;
  readonly errorRate?: number;
}

export function planCommand(program: Command, run: Run): void {
  withFile(program.command('plan').description('what a rollout would do, and what it can see; nothing is started'))
    .option(
      '--rps <requests>',
      'expected requests a second over both revisions (capacity.expectedRps, then 200); 0: none',
      rpsArgument,
    )
    .option('--error-rate <share>', "stable's share of bad requests (0.1%)", shareArgument)
    .action((file: string, options: PlanOptions) =>
      run((surroundings) => {
        const { plan, platform } = loadPlan(surroundings, { ...options, file });
        const outlook = outlookOf(plan, expectedTraffic(plan, options));
        const warnings = [
          ...planWarnings(plan, platform.routers[plan.connections.router], options.rps),
          ...outlookWarnings(plan, outlook),
        ];
        return Promise.resolve(
          report(surroundings, options.output, {
            exit: EXIT.ok,
            lines: planLines(plan, warnings, outlook),
            value: {
              ...plan.target,
              release: plan.candidate.release,
              profile: plan.profile,
              digest: plan.digest,
              plan,
              outlook,
              warnings,
            },
          }),
        );
      }),
    );
}
