import { parseConfig } from '../../src/spec/parse-config.js';
import type { PlatformConfig } from '../../src/spec/platform.js';

/** A platform's configuration from its YAML; a mistake in it is a mistake of the test. */
export function configOf(yaml: string): PlatformConfig {
  const parsed = parseConfig(yaml, { file: 'sluice.config.yaml', env: {} });
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.problems, undefined, 1));
  return parsed.config;
}

export const REHEARSING = `
environments: {test: {production: false}}
limits: {rollouts: 5}
`;
