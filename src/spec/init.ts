import { stringify } from 'yaml';
import { GATE_DEFAULTS, GATE_KEYS } from './gates.js';
import { outline } from './outline.js';
import { writtenProfile } from './profiles.js';
import { settingsSchema } from './settings-schema.js';

export interface InitialRollout {
  readonly service: string;
  readonly environment: string;
  /** Usually a placeholder: `${GITHUB_SHA}`. */
  readonly release: string;
  readonly revision: string;
  readonly router: string;
  readonly metrics: string;
}

/**
 * The file that `sluice init` writes: five lines that count, and every other field commented out with the value it has
 * anyway. Taking away the `#` of such a line changes nothing, so people may start from it.
 */
export function initialRollout({ service, environment, release, revision, router, metrics }: InitialRollout): string {
  const meanings = new Map(outline(settingsSchema).map(({ path, meaning }) => [path, meaning]));
  const { gates, ...rest } = writtenProfile('standard');
  const settings = {
    ...rest,
    gates: Object.fromEntries(GATE_KEYS.filter((key) => gates?.[key] !== undefined).map((key) => [key, GATE_DEFAULTS[key]])),
  };
  return `# A rollout of ${service}. Check it with: sluice validate
service: ${scalar(service)}
environment: ${scalar(environment)}
candidate: {release: ${scalar(release)}, revision: ${scalar(revision)}}
router: ${scalar(router)}   # names in sluice.config.yaml
metrics: ${scalar(metrics)}

# Everything below has these values anyway: those of the profile standard (others: cautious, hotfix, rehearsal).
# To change one, take away the # before it and before the section it stands in.
#profile: standard

# Load, for \`sluice plan\` and for capacity before each step:
# capacity: {connection: NAME, expectedRps: 200, meanLatency: 400ms, concurrency: 8}
# Connections that pause batch work and tell people:
# queues: NAME
# notify: NAME

${commented(settings, '', meanings)}`;
}

function commented(settings: object, above: string, meanings: ReadonlyMap<string, string>): string {
  const indent = '  '.repeat(above === '' ? 0 : above.split('.').length);
  return Object.entries(settings)
    .map(([key, value]: [string, unknown]) => {
      const path = above === '' ? key : `${above}.${key}`;
      const isSection = typeof value === 'object' && value !== null && !Array.isArray(value);
      const written = Array.isArray(value) ? ` [${value.join(', ')}]` : isSection ? '' : ` ${scalar(value)}`;
      const meaning = meanings.get(path) ?? '';
      const line = `#${`${indent}${key}:${written}`.padEnd(30)}${meaning === '' ? '' : ` # ${meaning}`}`.trimEnd();
      return `${line}\n${isSection ? commented(value, path, meanings) : ''}`;
    })
    .join('');
}

/** Quoted where a plain scalar would be read as something else, or would not survive inside braces. */
function scalar(value: unknown): string {
  if (typeof value !== 'string') return String(value);
  const plain = stringify(value).trim() === value && /^[\w./%-]+$/.test(value);
  return plain ? value : JSON.stringify(value);
}
