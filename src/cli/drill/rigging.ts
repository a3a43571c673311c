/** The configuration of a drill's worker: the platform's own, with everything that a fault breaks led through us. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import type { RolloutPlan } from '../../domain/plan.js';
import type { MeasuredPair } from '../../providers/ports.js';
import type { PlatformConfig } from '../../spec/platform.js';
import type { Surroundings } from '../surroundings.js';
import { httpBetween, socketBetween, type Between } from './between.js';
import { FalsifiedErrors } from './falsified-errors.js';

export interface Rigging {
  readonly configFile: string;
  readonly router: readonly Between[];
  readonly metrics: readonly Between[];
  /** The candidate's users get errors from now on, as far as the metrics tell. */
  falsify(): void;
  close(): Promise<void>;
}

export interface Rigged {
  readonly surroundings: Surroundings;
  /** The written configuration: secrets and placeholders stay references. */
  readonly config: string;
  readonly platform: PlatformConfig;
  readonly plan: RolloutPlan;
  readonly pair: MeasuredPair;
  readonly temporalAddress: string;
  readonly folder: string;
}

/** Why an error cannot be made up in these metrics; undefined: it can. */
export function whyNoErrors({ platform, plan }: Pick<Rigged, 'platform' | 'plan'>): string | undefined {
  const reasons = plan.connections.metrics.map((name) => {
    const connection = platform.metrics[name];
    if (connection?.type !== 'scrape') return `metrics.${name} is no page that is scraped (type: scrape)`;
    const pair = { stable: plan.candidate, candidate: plan.candidate };
    const why = new FalsifiedErrors(connection, plan.target, pair).whyNot();
    return why && `metrics.${name}: ${why}`;
  });
  return reasons.includes(undefined) ? undefined : reasons.join('; ');
}

/** Why nobody can stand before this router; undefined: somebody can. */
export function whyNoSilence({ platform, plan }: Pick<Rigged, 'platform' | 'plan'>): string | undefined {
  const { router } = plan.connections;
  return platform.routers[router]?.type === 'exec'
    ? `routers.${router} runs commands of your own, before which a drill cannot stand`
    : undefined;
}

export async function rig(rigged: Rigged): Promise<Rigging> {
  const { surroundings, config, platform, plan, temporalAddress, folder } = rigged;
  const document = parseDocument(readFileSync(resolve(surroundings.cwd, config), 'utf8'));
  document.set('temporal', { address: temporalAddress });
  const falsified: FalsifiedErrors[] = [];
  const router: Between[] = [];
  const metrics: Between[] = [];
  const lead = async (into: Between[], path: readonly (string | number)[], between: Promise<Between>): Promise<void> => {
    const one = await between;
    into.push(one);
    document.setIn(path, one.address);
  };
  const at = ['routers', plan.connections.router];
  const connection = platform.routers[plan.connections.router];
  if (connection?.type === 'haproxy') {
    const { adminSocket, masterSocket } = connection;
    await lead(router, [...at, 'adminSocket'], socketBetween(resolve(surroundings.cwd, adminSocket), join(folder, 'admin.sock')));
    if (masterSocket !== undefined)
      await lead(
        router,
        [...at, 'masterSocket'],
        socketBetween(resolve(surroundings.cwd, masterSocket), join(folder, 'master.sock')),
      );
  }
  if (connection !== undefined && connection.type !== 'exec')
    await lead(router, [...at, 'control'], httpBetween(connection.control));
  for (const name of plan.connections.metrics) {
    const source = platform.metrics[name];
    if (source?.type === 'prometheus') await lead(metrics, ['metrics', name, 'url'], httpBetween(source.url));
    if (source?.type !== 'scrape') continue;
    const errors = new FalsifiedErrors(source, plan.target, rigged.pair);
    if (errors.whyNot() === undefined) falsified.push(errors);
    for (const [index, url] of source.urls.entries())
      await lead(
        metrics,
        ['metrics', name, 'urls', index],
        httpBetween(url, (page) => errors.page(page)),
      );
  }
  const configFile = join(folder, 'sluice.config.yaml');
  writeFileSync(configFile, String(document));
  return {
    configFile,
    router,
    metrics,
    falsify: () => {
      for (const errors of falsified) errors.strike();
    },
    close: async () => {
      await Promise.all([...router, ...metrics].map((one) => one.close()));
    },
  };
}
