/** From flags, environment and configuration to a connected client. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { keyRingOf, SluiceClient, type ConnectOptions, type KeyRing } from '../client/index.js';
import type { Actor } from '../domain/words.js';
import type { PlatformConfig } from '../spec/platform.js';
import { renderUnresolved, resolveSecrets, type Resolved, type SecretSource } from '../spec/secrets.js';
import { CommandFailure, fail } from './failure.js';
import { loadPlatformIfThere } from './files.js';
import type { PlaceOptions } from './options.js';
import type { TemporalPlace } from '../worker/options.js';
import { tlsOf } from '../worker/tls.js';
import type { Surroundings } from './surroundings.js';

/** Connects, runs, and closes whatever happens. */
export async function withClient<T>(
  surroundings: Surroundings,
  options: PlaceOptions,
  use: (client: SluiceClient) => Promise<T>,
): Promise<T> {
  const client = await SluiceClient.connect(placeOf(surroundings, options));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

const LOCAL_ADDRESS = '127.0.0.1:7233';

/** Flag, then environment (Temporal's own names), then configuration, then this machine. */
export function placeOf(surroundings: Surroundings, options: PlaceOptions): ConnectOptions {
  const given = givenPlace(surroundings, options);
  // With an address given, a broken configuration must not keep anybody from an abort.
  const configured = given.address === undefined ? configuredPlace(surroundings, options.config) : undefined;
  const { address = LOCAL_ADDRESS, namespace = 'default', apiKey, tls } = { ...configured, ...given };
  const keys = (given.address === undefined ? keysIfThere : keysOrSay)(surroundings, options.config);
  return {
    address,
    namespace,
    ...(keys === undefined ? {} : { keys }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(tls === undefined ? {} : { tls: typeof tls === 'boolean' ? tls : tlsOf(tls) }),
  };
}

/** What the command line and the environment say; the worker puts it over its configuration in the same way. */
export function givenPlace(
  surroundings: Surroundings,
  { address, namespace }: Pick<PlaceOptions, 'address' | 'namespace'>,
): TemporalPlace {
  const { env } = surroundings;
  const given = {
    address: address ?? said(env['TEMPORAL_ADDRESS']),
    namespace: namespace ?? said(env['TEMPORAL_NAMESPACE']),
    apiKey: said(env['TEMPORAL_API_KEY']),
    tls: tlsOfEnvironment(surroundings),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const said = (value: string | undefined): string | undefined => (value === undefined || value === '' ? undefined : value);

function tlsOfEnvironment(surroundings: Surroundings): TemporalPlace['tls'] {
  const { env } = surroundings;
  const switched = said(env['TEMPORAL_TLS']);
  const [ca, certificate, key, serverName] = ['SERVER_CA_CERT_PATH', 'CLIENT_CERT_PATH', 'CLIENT_KEY_PATH', 'SERVER_NAME'].map(
    (name) => said(env[`TEMPORAL_TLS_${name}`]),
  );
  if (switched === 'false') return false;
  if (ca === undefined && certificate === undefined && key === undefined && serverName === undefined)
    return switched === undefined ? undefined : true;
  if ((certificate === undefined) !== (key === undefined))
    throw fail('found only one of TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH, expected both or none');
  const read = (path: string | undefined): string | undefined => (path === undefined ? undefined : readPem(surroundings, path));
  return { serverName, ca: read(ca), certificate: read(certificate), key: read(key) };
}

function readPem({ cwd }: Surroundings, path: string): string {
  try {
    return readFileSync(resolve(cwd, path), 'utf8');
  } catch {
    throw fail(`cannot read ${path}, which a TEMPORAL_TLS_… variable names; expected a PEM file`);
  }
}

/** Only Temporal's secrets are resolved: a pipeline has none of the routers'. */
function configuredPlace(surroundings: Surroundings, file: string): Resolved<PlatformConfig>['temporal'] | undefined {
  const platform = loadPlatformIfThere(surroundings, file);
  if (platform === undefined) return undefined;
  return resolvedTemporal(surroundings, platform, platform.temporal);
}

function resolvedTemporal(
  surroundings: Surroundings,
  platform: PlatformConfig,
  temporal: PlatformConfig['temporal'],
): Resolved<PlatformConfig>['temporal'] {
  const resolved = resolveSecrets(
    { ...platform, temporal, routers: {}, metrics: {}, capacity: {}, queues: {}, notifiers: {} },
    secretsOf(surroundings),
  );
  if (resolved.kind === 'invalid')
    throw new CommandFailure(resolved.secrets.map((secret) => renderUnresolved(platform.file, secret)));
  return resolved.config.temporal;
}

/** The keys that the configuration names; undefined where it names none, or where there is none. */
export function keysIfThere(surroundings: Surroundings, file: string): KeyRing | undefined {
  const platform = loadPlatformIfThere(surroundings, file);
  return platform === undefined ? undefined : keysOf(surroundings, platform);
}

export function keysOf(surroundings: Surroundings, platform: PlatformConfig): KeyRing | undefined {
  const { address, namespace, encryption } = platform.temporal;
  if (encryption === undefined) return undefined;
  const resolved = resolvedTemporal(surroundings, platform, { address, namespace, encryption });
  const outcome = keyRingOf(resolved.encryption as NonNullable<typeof resolved.encryption>);
  if (outcome.kind === 'invalid') throw new CommandFailure(outcome.problems.map((problem) => `${platform.file} ${problem}`));
  return outcome.ring;
}

/** Where a missing key keeps nobody from an abort: it is said, and what is sent then stands in the history as it is. */
function keysOrSay(surroundings: Surroundings, file: string): KeyRing | undefined {
  try {
    return keysIfThere(surroundings, file);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    surroundings.err(`sluice: ${error.lines[0] ?? file}; going on without keys, so nothing is encrypted or decrypted`);
    return undefined;
  }
}

/** Where references to secrets lead on this machine. */
export function secretsOf({ env, cwd }: Surroundings): SecretSource {
  return { env, readFile: (path) => readFileSync(resolve(cwd, path), 'utf8') };
}

/** Who sends: what the flag says, else what the pipeline says of itself, else the login. Only a claim (design.md §2). */
export function senderOf({ env, user }: Surroundings, by: string | undefined): Actor {
  const name = by ?? said(env['SLUICE_BY']) ?? said(env['GITHUB_ACTOR']) ?? said(env['GITLAB_USER_LOGIN']) ?? user;
  return { name, verified: false };
}
