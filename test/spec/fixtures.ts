/** A platform and a way to parse that every test of `spec/` shares. */
import assert from 'node:assert/strict';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { parseConfig } from '../../src/spec/parse-config.js';
import { parseRollout, type ParsedRollout } from '../../src/spec/parse-rollout.js';
import type { PlatformConfig } from '../../src/spec/platform.js';
import { renderProblem } from '../../src/spec/problems.js';
import type { Environment } from '../../src/spec/substitution.js';

export const ENV = { GITHUB_SHA: '9f3c1e' };

/** The smallest legal file. */
export const FIVE_LINES = `service: answer-api
environment: production
candidate: {release: "\${GITHUB_SHA}", revision: green}
router: edge-haproxy
metrics: prod-prom
`;

export const REHEARSAL = `${FIVE_LINES.replace('environment: production', 'environment: staging')}profile: rehearsal\n`;

export const CONFIG = `
routers:
  edge-haproxy: {type: edge, control: "http://127.0.0.1:1", public: "http://127.0.0.1:2", token: {env: TOKEN}}
  other: {type: edge, control: "http://127.0.0.1:3", public: "http://127.0.0.1:4", token: {env: TOKEN}}
metrics:
  prod-prom: {type: prometheus, url: "http://127.0.0.1:9090", scrapeInterval: 15s}
  exporter: {type: scrape, urls: ["http://127.0.0.1:9105/metrics"]}
capacity:
  serverless: {type: http, url: "http://127.0.0.1:5"}
queues:
  jobs: {type: http, url: "http://127.0.0.1:6"}
notifiers:
  oncall: {type: slack, url: {env: SLACK}}
  pager: {type: webhook, url: "http://127.0.0.1:7"}
environments:
  production: {production: true}
  staging: {production: false}
`;

export function platform(config: string = CONFIG, env: Environment = {}): PlatformConfig {
  const parsed = parseConfig(config, { file: 'sluice.config.yaml', env });
  assert.ok(parsed.kind === 'ok', parsed.kind === 'invalid' ? parsed.problems.map(renderProblem).join('\n') : '');
  return parsed.config;
}

const PLATFORM = platform();

export interface Given {
  readonly set?: readonly string[];
  readonly env?: Environment;
  readonly platform?: PlatformConfig;
}

export function parse(text: string, { set = [], env = ENV, platform: by = PLATFORM }: Given = {}): ParsedRollout {
  return parseRollout(text, { file: 'rollout.yaml', env, set, platform: by });
}

export function planOf(text: string, given: Given = {}): RolloutPlan {
  const parsed = parse(text, given);
  assert.ok(parsed.kind === 'ok', parsed.kind === 'invalid' ? parsed.problems.map(renderProblem).join('\n') : '');
  return parsed.plan;
}

/** The problems as a person reads them; empty for a file that is right. */
export function messages(text: string, given: Given = {}): readonly string[] {
  const parsed = parse(text, given);
  return parsed.kind === 'ok' ? [] : parsed.problems.map(renderProblem);
}

export function configMessages(text: string, env: Environment = {}): readonly string[] {
  const parsed = parseConfig(text, { file: 'sluice.config.yaml', env });
  return parsed.kind === 'ok' ? [] : parsed.problems.map(renderProblem);
}
