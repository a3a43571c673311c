/** What keeps rollouts from working here, looked at from the outside in. Each check says what to do. */
import type { SluiceClient } from '../../client/index.js';
import { SEARCH_ATTRIBUTES } from '../../contract/names.js';
import { percent } from '../../domain/telling.js';
import type { Target } from '../../domain/words.js';
import type { PlatformConfig } from '../../spec/platform.js';
import type { TrafficRouter } from '../../providers/ports.js';
import { renderUnresolved, resolveSecrets, type UnresolvedSecret } from '../../spec/secrets.js';
import { failed, ok, warning, type Check } from './checks.js';
import { checkLevels, type Named } from './levels.js';
import { checkVersioning } from './versioning.js';
import { oneLine } from '../render/text.js';
import { secretsOf } from '../session.js';
import type { Surroundings } from '../surroundings.js';

export async function checkTemporal(client: SluiceClient): Promise<readonly Check[]> {
  const { address, namespace } = client.temporal;
  const [workers, versioning, ...others] = await Promise.all([
    checkWorkers(client),
    checkVersioning(client).catch((error: unknown) => [warning('worker versioning', `cannot be read: ${messageOf(error)}`)]),
    checkSearchAttributes(client),
    checkClock(client),
  ]);
  return [ok('temporal', `${address} answers, namespace ${namespace}`), workers, ...versioning, ...others];
}

async function checkWorkers(client: SluiceClient): Promise<Check> {
  const { workflows, long } = await client.workers();
  if (workflows.length > 0 && long.length > 0)
    return ok('workers', `${workflows.length} poll sluice, ${long.length} poll sluice-long`);
  if (workflows.length === 0 && long.length === 0) return failed('workers', 'nobody polls; start one: sluice worker');
  return failed(
    'workers',
    `nobody polls ${workflows.length === 0 ? 'sluice: nothing is decided' : 'sluice-long: nothing is judged'}; restart the worker`,
  );
}

async function checkSearchAttributes(client: SluiceClient): Promise<Check> {
  const { connection, namespace } = client.temporal;
  const names = Object.values(SEARCH_ATTRIBUTES);
  try {
    const { customAttributes } = await connection.withDeadline(Date.now() + 5_000, () =>
      connection.operatorService.listSearchAttributes({ namespace }),
    );
    const missing = names.filter((name) => !Object.hasOwn(customAttributes, name));
    if (missing.length === 0) return ok('search attributes', 'registered');
    const create = missing
      .map((name) => `--name ${name} --type ${name === SEARCH_ATTRIBUTES.weight ? 'Int' : 'Keyword'}`)
      .join(' ');
    return failed(
      'search attributes',
      `missing: ${missing.join(', ')}; a worker registers them at its start, or: temporal operator search-attribute create -n ${namespace} ${create}`,
    );
  } catch (error) {
    // Temporal Cloud does not let anybody ask.
    return warning('search attributes', `cannot be listed (${messageOf(error)}); they must be: ${names.join(', ')}`);
  }
}

/** Soaks and leases never compare clocks, but times on screens do, and tokens expire. */
const TOLERATED_OFFSET_MS = 5_000;

async function checkClock(client: SluiceClient): Promise<Check> {
  const clock = await client.clock();
  if (clock === undefined) return warning('clock', "Temporal's time could not be read");
  const { offsetMs, uncertaintyMs } = clock;
  const text = `this machine is ${Math.abs(offsetMs)} ms ${offsetMs > 0 ? 'behind' : 'ahead of'} Temporal (± ${Math.ceil(uncertaintyMs)} ms)`;
  return Math.abs(offsetMs) - uncertaintyMs > TOLERATED_OFFSET_MS
    ? warning('clock', `${text}; set it by NTP`)
    : ok('clock', text);
}

/** Reads every configured router and metrics connection as the worker would, for one service. Writes nothing. */
export async function checkService(
  surroundings: Surroundings,
  platform: PlatformConfig,
  target: Target,
): Promise<readonly Check[]> {
  const { pino } = await import('pino');
  const { createPorts } = await import('../../worker/providers.js');
  const others = { capacity: {}, queues: {}, notifiers: {} };
  const resolve = (part: Pick<PlatformConfig, 'routers' | 'metrics'>): ReturnType<typeof resolveSecrets> => {
    const { address, namespace } = platform.temporal;
    return resolveSecrets({ ...platform, ...others, ...part, temporal: { address, namespace } }, secretsOf(surroundings));
  };
  const unresolved = (what: string, { secrets }: { readonly secrets: readonly UnresolvedSecret[] }): readonly Check[] =>
    secrets.map((secret) => failed(what, renderUnresolved(platform.file, secret)));

  const routers = resolve({ routers: platform.routers, metrics: {} });
  if (routers.kind === 'invalid') return unresolved('routers', routers);
  // A machine without the metrics' secrets can still tell of the routers.
  const metrics = resolve({ routers: {}, metrics: platform.metrics });
  const known = metrics.kind === 'ok' ? metrics.config.metrics : {};
  const ports = createPorts({ ...others, routers: routers.config.routers, metrics: known }, pino({ level: 'silent' }));
  const sources = Object.keys(known).map((name) => ({ name, port: ports.metrics(name) }));
  const named = Object.keys(platform.routers).map((name) => ({ name, port: ports.router(name) }));
  const checks = await Promise.all(
    named.map(async (router) => [await checkRouter(target, router), ...(await checkLevels(target, router, sources))]),
  );
  return [...(metrics.kind === 'invalid' ? unresolved('metrics', metrics) : []), ...checks.flat()];
}

async function checkRouter(target: Target, { name, port }: Named<TrafficRouter>): Promise<Check> {
  try {
    const { lease, fencing } = await port.describe(target);
    const { stable, effectiveBp, lease: state } = await port.read(target);
    const text = `${target.service}: stable ${stable?.id ?? 'unknown'}, candidate ${percent(effectiveBp)}, lease ${state}, fenced by ${fencing}`;
    return lease ? ok(`router ${name}`, text) : warning(`router ${name}`, `${text}; it holds no lease`);
  } catch (error) {
    return failed(`router ${name}`, messageOf(error));
  }
}

const messageOf = (error: unknown): string => oneLine(error instanceof Error ? error.message : String(error));
