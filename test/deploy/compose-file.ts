/** docker-compose.yml as data, as far as these tests ask. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

export const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
export const projectFile = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');

const words = z.array(z.string());
const SERVICE = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string(), target: z.string() }).optional(),
  restart: z.string().optional(),
  init: z.boolean().optional(),
  user: z.string().optional(),
  network_mode: z.string().optional(),
  entrypoint: words.optional(),
  command: words.optional(),
  environment: z.record(z.string(), z.string()).default({}),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.string() })).default({}),
  volumes: words.default([]),
  ports: words.default([]),
  stop_signal: z.string().optional(),
  stop_grace_period: z.string().optional(),
  healthcheck: z.looseObject({ test: words }).optional(),
});
export type Service = z.infer<typeof SERVICE>;

const COMPOSE = z.looseObject({
  name: z.string(),
  services: z.record(z.string(), SERVICE),
  volumes: z.record(z.string(), z.null()),
});

/** Refuses a key that it does not know: a typing error in a compose file is silent otherwise. */
export const compose = COMPOSE.parse(parse(projectFile('docker-compose.yml'), { merge: true }));

export function service(name: string): Service {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service "${name}"`);
  return found;
}

/** The value after an option in a command. */
export function option(command: readonly string[] | undefined, name: string): string {
  const value = command?.[command.indexOf(name) + 1];
  if (command?.includes(name) !== true || value === undefined) throw new Error(`found no ${name} in ${String(command)}`);
  return value;
}
