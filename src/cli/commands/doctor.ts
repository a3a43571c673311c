import type { Command } from 'commander';
import { TemporalProblem } from '../../client/index.js';
import type { PlatformConfig } from '../../spec/platform.js';
import { breakGlass } from '../doctor/break-glass.js';
import type { Check } from '../doctor/checks.js';
import { checkService, checkTemporal } from '../doctor/doctor.js';
import { EXIT } from '../exit-codes.js';
import { CommandFailure } from '../failure.js';
import { loadPlatform } from '../files.js';
import { withFormat, withPlace, type FormatOptions, type PlaceOptions } from '../options.js';
import type { Run } from '../program.js';
import { table } from '../render/table.js';
import { report } from '../report.js';
import { withClient } from '../session.js';
import type { Surroundings } from '../surroundings.js';

interface Options extends PlaceOptions, FormatOptions {
  readonly service?: string;
  readonly env: string;
}

export function doctorCommand(program: Command, run: Run): void {
  const command = program
    .command('doctor')
    .description('what keeps rollouts from working here, and how to break the glass')
    .option('--service <service>', 'look at its routers, its metrics and what it offers as well')
    .option('--env <environment>', 'in this environment', 'production');
  withFormat(withPlace(command)).action((options: Options) =>
    run(async (surroundings) => {
      const configured = configuration(surroundings, options.config);
      const { platform } = configured;
      const ofService =
        platform === undefined || options.service === undefined
          ? []
          : await checkService(surroundings, platform, { service: options.service, environment: options.env });
      const checks = [...(await temporal(surroundings, options)), configured.check, ...ofService];
      const glass = Object.entries(platform?.routers ?? {}).map(([name, router]) => ({
        name,
        ...breakGlass(router, options.service ?? 'SERVICE'),
      }));
      const lines = [
        ...table(checks.map(({ state, what, text }) => [shown(state), what, text])),
        ...(glass.length === 0 ? [] : ['', 'break glass (no controller needed; RAMP is what the look shows):']),
        ...glass.flatMap(({ name, look, back }) => [`  ${name}`, `    look: ${look}`, `    back: ${back}`]),
      ];
      const exit = checks.some(({ state }) => state === 'failed') ? EXIT.error : EXIT.ok;
      return report(surroundings, options.output, { exit, lines, value: { checks, breakGlass: glass } });
    }),
  );
}

function shown(state: Check['state']): string {
  if (state === 'absent') return '–';
  return state === 'ok' ? 'ok' : state.toUpperCase();
}

/** An unreachable Temporal is a finding here, and no reason to leave the rest unsaid. */
async function temporal(surroundings: Surroundings, options: Options): Promise<readonly Check[]> {
  try {
    return await withClient(surroundings, options, checkTemporal);
  } catch (error) {
    if (error instanceof TemporalProblem) return [{ state: 'failed', what: 'temporal', text: error.message }];
    if (error instanceof CommandFailure) return [{ state: 'failed', what: 'temporal', text: error.lines.join(' ') }];
    throw error;
  }
}

function configuration(surroundings: Surroundings, file: string): { readonly platform?: PlatformConfig; readonly check: Check } {
  try {
    const platform = loadPlatform(surroundings, file);
    return {
      platform,
      check: {
        state: 'ok',
        what: 'configuration',
        text: `${file}: ${Object.keys(platform.routers).length} routers, ${Object.keys(platform.environments).length} environments`,
      },
    };
  } catch (error) {
    if (error instanceof CommandFailure)
      return { check: { state: 'failed', what: 'configuration', text: error.lines.join('; ') } };
    throw error;
  }
}
