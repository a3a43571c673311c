import type { PlatformConfig } from '../spec/platform.js';
import { isSecretRef } from '../spec/secret-schema.js';
import { renderUnresolved, resolveSecrets, type Resolved, type SecretSource } from '../spec/secrets.js';
import { WorkerConfigurationError, type TemporalPlace } from './options.js';

/** The configuration with its secrets, and their texts by themselves: what must never stand in a history is redacted by value. */
export function resolveAll(
  config: PlatformConfig,
  source: SecretSource,
): { readonly config: Resolved<PlatformConfig>; readonly texts: readonly string[] } {
  const resolved = resolveSecrets(config, source);
  if (resolved.kind === 'invalid')
    throw new WorkerConfigurationError(resolved.secrets.map((secret) => renderUnresolved(config.file, secret)));
  return { config: resolved.config, texts: textsIn(config, resolved.config) };
}

/** What the command line and the environment gave in place of the configuration's. A CA is public. */
export function textsGiven({ apiKey, tls }: TemporalPlace = {}): readonly string[] {
  const { certificate, key } = typeof tls === 'object' ? tls : {};
  return [apiKey, certificate, key].filter((text) => text !== undefined);
}

/** The texts that stand where the references stood. */
function textsIn(reference: unknown, resolved: unknown): readonly string[] {
  if (isSecretRef(reference)) return typeof resolved === 'string' ? [resolved] : [];
  if (typeof reference !== 'object' || reference === null || typeof resolved !== 'object' || resolved === null) return [];
  const values = resolved as Readonly<Record<string, unknown>>;
  return Object.entries(reference).flatMap(([key, value]) => textsIn(value, values[key]));
}
