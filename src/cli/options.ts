/** Options that several commands share, each defined once. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Target } from '../domain/words.js';
import { parseDuration } from '../spec/durations.js';
import { parseShare } from '../spec/percent.js';
import { DEFAULT_CONFIG } from './files.js';

const FORMATS = ['text', 'json', 'github'] as const;
export type Format = (typeof FORMATS)[number];

export interface PlaceOptions {
  readonly address?: string;
  readonly namespace?: string;
  readonly config: string;
}

/** Where Temporal is. `--address` and `--namespace` come before the environment, that before the configuration. */
export function withPlace(command: Command): Command {
  return command
    .option(
      '--address <host:port>',
      'Temporal (TEMPORAL_ADDRESS, then temporal.address of the configuration, then 127.0.0.1:7233)',
    )
    .option('--namespace <name>', 'namespace of Temporal (TEMPORAL_NAMESPACE, then the configuration, then default)')
    .option('--config <file>', "the platform's configuration", DEFAULT_CONFIG);
}

export function withFormat(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'text for people, json for programs, github for GitHub Actions')
      .choices(FORMATS)
      .default('text'),
  );
}

export interface FormatOptions {
  readonly output: Format;
}

export interface TargetOptions {
  readonly env: string;
}

/** `sluice status <service> --env <environment>`. */
export function withTarget(command: Command): Command {
  return command.argument('<service>', 'the service').requiredOption('--env <environment>', 'the environment');
}

export const targetOf = (service: string, { env }: TargetOptions): Target => ({ service, environment: env });

/** For `--set`, which may be repeated. */
export const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export function durationArgument(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('expected a duration such as 90s, 50m or 2h');
  return ms;
}

export function shareArgument(text: string): number {
  const share = parseShare(text);
  if (share === undefined || share > 1) throw new InvalidArgumentError('expected a share in percent such as 0.1%');
  return share;
}

/** Below one request in a thousand seconds there is nothing to expect. */
export function rpsArgument(text: string): number {
  const rps = Number(text);
  if (!/^\d{1,7}(\.\d{1,3})?$/.test(text)) throw new InvalidArgumentError('expected requests a second such as 200 or 0.5');
  return rps;
}

export function portArgument(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('expected a port from 0 to 65535');
  return port;
}

/** As browsers send it: scheme, host and port, and no path. */
export function originArgument(text: string): string {
  if (URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text) return text;
  throw new InvalidArgumentError('expected an origin such as https://temporal.example.com, without a path');
}
