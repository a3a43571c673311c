import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { haproxyConfiguration } from '../../providers/routers/haproxy/configuration.js';
import { initialRollout } from '../../spec/init.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { fail } from '../failure.js';
import { DEFAULT_CONFIG, DEFAULT_ROLLOUT } from '../files.js';
import type { Run } from '../program.js';
import type { Surroundings } from '../surroundings.js';

interface Options {
  readonly env: string;
  readonly release: string;
  readonly revision: string;
  readonly router?: 'haproxy';
  readonly blue: string;
  readonly green: string;
}

const ROUTER_NAME = 'edge-haproxy';
const METRICS_NAME = 'exporter';
const HAPROXY_FILE = 'haproxy.cfg';

export function initCommand(program: Command, run: Run): void {
  program
    .command('init')
    .description(`write ${DEFAULT_ROLLOUT}; with --router the router's configuration and a first ${DEFAULT_CONFIG} as well`)
    .argument('<service>', 'the service')
    .option('--env <environment>', 'the environment', 'production')
    .option('--release <id>', 'id of what ships', '${GITHUB_SHA}')
    .option('--revision <name>', 'where it runs', 'green')
    .addOption(new Option('--router <type>', 'a router to begin with').choices(['haproxy']))
    .option('--blue <host:port>', "the slot blue's server, for haproxy.cfg", '127.0.0.1:9001')
    .option('--green <host:port>', "the slot green's server, for haproxy.cfg", '127.0.0.1:9002')
    .action((service: string, options: Options) => run((surroundings) => Promise.resolve(init(surroundings, service, options))));
}

function init({ cwd, out }: Surroundings, service: string, options: Options): ExitCode {
  const files = filesOf(service, options);
  const there = Object.keys(files).filter((name) => existsSync(resolve(cwd, name)));
  if (there.length > 0)
    throw fail(`found ${there.join(', ')} already; nothing was written; move it away, or change to another folder`);
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(resolve(cwd, name), text, { flag: 'wx' });
    out(`wrote ${name}`);
  }
  out(`next: sluice plan, then sluice start`);
  return EXIT.ok;
}

function filesOf(service: string, { env, release, revision, router, blue, green }: Options): Readonly<Record<string, string>> {
  const rollout = initialRollout({ service, environment: env, release, revision, router: ROUTER_NAME, metrics: METRICS_NAME });
  if (router === undefined) return { [DEFAULT_ROLLOUT]: rollout };
  return {
    [DEFAULT_ROLLOUT]: rollout,
    [HAPROXY_FILE]: haproxyConfiguration({ services: [{ name: service, slots: { blue, green } }] }),
    [DEFAULT_CONFIG]: firstConfig(env),
  };
}

/** As little as \`sluice worker\` needs beside the haproxy.cfg that was written with it. */
function firstConfig(environment: string): string {
  return `# The platform's side: named connections, limits, floors. Every field: docs/reference
temporal:
  address: 127.0.0.1:7233
environments:
  ${environment}:
    production: true
routers:
  ${ROUTER_NAME}:
    type: haproxy
    directory: /var/lib/sluice        # RUN of ${HAPROXY_FILE}
    adminSocket: /var/lib/sluice/admin.sock
    masterSocket: /var/lib/sluice/master.sock
    control: http://127.0.0.1:8081    # CTL
    public: http://127.0.0.1:8080     # PORT
    releaseToken: {env: RELEASE_TOKEN}
metrics:
  ${METRICS_NAME}:                          # sluice exporter
    type: scrape
    urls: ["http://127.0.0.1:9105/metrics"]
`;
}
