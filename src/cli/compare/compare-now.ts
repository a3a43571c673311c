/** `sluice compare`: from what is asked to a verdict. */
import { isFed } from '../../activities/supervise/sources.js';
import type { RolloutPlan } from '../../domain/plan.js';
import type { Reading } from '../../domain/reading.js';
import type { GateName } from '../../domain/verdict.js';
import type { Target } from '../../domain/words.js';
import { ProviderError } from '../../providers/errors.js';
import type { MeasuredPair } from '../../providers/ports.js';
import { sampleIntervalMs, type PlatformConfig } from '../../spec/platform.js';
import { shippedProfile } from '../../spec/profiles.js';
import { renderUnresolved, resolveSecrets } from '../../spec/secrets.js';
import { toPlan } from '../../spec/to-plan.js';
import { compare, EXIT_OF, spanOf, type Compared } from './comparison.js';
import { pairOf, type LabelSet } from './label-sets.js';
import { pastReadings } from './past-readings.js';
import { askedFor, readingsFromNow, type Asked } from './sources.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { CommandFailure, fail } from '../failure.js';
import { loadPlan, loadPlatform } from '../files.js';
import type { FormatOptions } from '../options.js';
import { comparisonLines, type Looked } from '../render/comparison.js';
import { report } from '../report.js';
import { secretsOf } from '../session.js';
import type { Surroundings } from '../surroundings.js';

export interface CompareOptions extends FormatOptions {
  readonly config: string;
  readonly source: string;
  readonly stable: LabelSet;
  readonly candidate: LabelSet;
  readonly since?: number;
  readonly watch?: number;
  readonly policy?: string;
  readonly set: readonly string[];
  readonly service?: string;
}

const DEFAULT_SINCE_MS = 60 * 60_000;
const DEFAULT_WATCH_MS = 5 * 60_000;

export async function compareNow(surroundings: Surroundings, options: CompareOptions): Promise<ExitCode> {
  const { source: name, stable, candidate, since, watch } = options;
  if (since !== undefined && watch !== undefined) throw fail('found --since and --watch, expected one: the past, or from now on');
  const paired = pairOf(stable, candidate);
  if ('refused' in paired) throw fail(`--stable and --candidate: ${paired.refused}`);
  const platform = loadPlatform(surroundings, options.config);
  const warnings: string[] = [];
  const asked = askedFor(connectionOf(surroundings, platform, name), paired, {
    service: options.service,
    warn: (message) => void warnings.push(message),
  });
  if (since !== undefined && asked.past === undefined)
    throw fail(
      `${name} is a scrape source, which remembers nothing; give --watch 5m in the place of --since, or name a Prometheus`,
    );
  if (options.service === undefined && asked.wantsService)
    throw fail(`${name} is an exporter, which is asked for one service at a time: say which with --service`);
  const plan = policyOf(surroundings, platform, options);
  const target: Target = { service: options.service ?? name, environment: '' };
  try {
    const { signals } = await asked.source.describe(target);
    const gates = plan.judge.gates.map(({ gate }) => gate);
    const own = ownGates(plan, name);
    const inForce = gates.filter((gate) => isFed(gate, signals) || Object.hasOwn(own, nameOf(gate)));
    const question = { asked, plan, target, pair: { ...paired.pair, custom: own }, inForce };
    const looked =
      watch === undefined && asked.past !== undefined
        ? await lookBack(surroundings, question, asked.past, since ?? DEFAULT_SINCE_MS)
        : await watchOn(surroundings, question, watch ?? DEFAULT_WATCH_MS, warnings);
    const { verdict } = looked.compared;
    const notJudged = gates.filter((gate) => !inForce.includes(gate));
    const exit = EXIT_OF[verdict];
    return report(surroundings, options.output, {
      exit,
      failed: exit === EXIT.error,
      lines: comparisonLines({ source: name, stable, candidate, notJudged, ...looked }),
      value: {
        source: name,
        stable,
        candidate,
        ...looked.compared,
        looks: looked.looks,
        spanMs: looked.spanMs,
        notJudged,
        absent: looked.absent,
      },
    });
  } catch (error) {
    if (error instanceof ProviderError) throw fail(`${name}: ${error.message}`);
    throw error;
  }
}

interface Question {
  readonly asked: Asked;
  readonly plan: RolloutPlan;
  readonly target: Target;
  readonly pair: MeasuredPair;
  readonly inForce: readonly GateName[];
}

async function lookBack(
  surroundings: Surroundings,
  { plan, target, pair, inForce }: Question,
  options: NonNullable<Asked['past']>,
  sinceMs: number,
): Promise<Looked> {
  const { readings, absent } = await pastReadings(options, target, pair, sinceMs, surroundings.interrupted());
  const spanMs = spanOf(readings.at(-1) ?? {});
  return { compared: compare(plan, inForce, readings, spanMs), looks: readings.length, spanMs, absent };
}

async function watchOn(
  surroundings: Surroundings,
  { asked, plan, target, pair, inForce }: Question,
  watchMs: number,
  warnings: readonly string[],
): Promise<Looked> {
  const everyMs = Math.max(plan.tickMs, asked.intervalMs);
  // By the source's clock; a source that has stopped must not keep us for ever.
  const until = surroundings.now() + watchMs + plan.judge.staleMs + everyMs;
  const readings: Reading[] = [];
  let compared: Compared | undefined;
  const asking = { target, pair, everyMs };
  for await (const reading of readingsFromNow(asked.source, asking, surroundings.interrupted())) {
    readings.push(reading);
    compared = compare(plan, inForce, readings, watchMs);
    if (compared.verdict === 'fail' || spanOf(reading) >= watchMs || surroundings.now() >= until) break;
  }
  if (compared === undefined) throw fail('nothing was read');
  return { compared, looks: readings.length, spanMs: spanOf(readings.at(-1) ?? {}), absent: [...new Set(warnings)] };
}

const nameOf = (gate: GateName): string => gate.replace(/^custom:/, '');

/** What the policy's own gates measure at this source. */
function ownGates({ judge }: RolloutPlan, source: string): NonNullable<MeasuredPair['custom']> {
  return Object.fromEntries(
    judge.gates.flatMap(({ gate, measure }) => (measure?.source === source ? [[nameOf(gate), measure]] : [])),
  );
}

function connectionOf(surroundings: Surroundings, platform: PlatformConfig, name: string): Parameters<typeof askedFor>[0] {
  const connection = Object.hasOwn(platform.metrics, name) ? platform.metrics[name] : undefined;
  if (connection === undefined)
    throw fail(
      `found no metrics connection "${name}" in ${platform.file}, expected one of ${Object.keys(platform.metrics).join(', ') || 'none (there is not any)'}`,
    );
  // Nobody needs the router's secrets for this.
  const alone = { ...platform, routers: {}, capacity: {}, queues: {}, notifiers: {}, metrics: { [name]: connection } };
  const resolved = resolveSecrets({ ...alone, temporal: { address: '', namespace: '' } }, secretsOf(surroundings));
  if (resolved.kind === 'invalid')
    throw new CommandFailure(resolved.secrets.map((secret) => renderUnresolved(platform.file, secret)));
  const found = resolved.config.metrics[name];
  if (found === undefined) throw new RangeError(name);
  return found;
}

/** The file's, else the profile `standard` as a rollout on this source would have it. */
function policyOf(surroundings: Surroundings, platform: PlatformConfig, options: CompareOptions): RolloutPlan {
  const { policy, config, set, source } = options;
  if (policy !== undefined) return loadPlan(surroundings, { file: policy, config, set }).plan;
  if (set.length > 0) throw fail('found --set without --policy, expected the rollout that it changes');
  const profile = shippedProfile('standard');
  const identity = {
    service: source,
    environment: '',
    candidate: { release: 'candidate', revision: 'candidate' },
    router: '',
    metrics: [source],
  };
  return toPlan(identity, profile.settings, {
    profile,
    production: false,
    sampleIntervalMs: sampleIntervalMs(platform, [source], profile.settings.tick),
  });
}
