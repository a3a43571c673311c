import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { isSlot, SLOTS, type Slot } from '../../domain/words.js';
import { haproxyConfiguration, haproxyRunFiles } from '../../providers/routers/haproxy/configuration.js';
import { label } from '../../spec/fields.js';
import { initialRollout } from '../../spec/init.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { fail } from '../failure.js';
import { DEFAULT_CONFIG, DEFAULT_ROLLOUT } from '../files.js';
import type { Run } from '../program.js';
import type { Surroundings } from '../surroundings.js';

interface Options {
  readonly env?: string;
  readonly release: string;
  readonly revision: string;
  readonly router?: 'haproxy' | 'edge';
  readonly blue: string;
  readonly green: string;
  readonly run: string;
}

const METRICS_NAME = 'exporter';
const ROUTER_NAMES = { haproxy: 'edge-haproxy', edge: 'try-out' } as const;
const HAPROXY_FILE = 'haproxy.cfg';
/** Of `sluice dev`: its state lies there as well. */
const DEV_FOLDER = '.sluice';
const TOKEN_FILE = `${DEV_FOLDER}/edge-token`;
/** Nobody's users are there, so that rehearsals and drills may run. */
const FOR_TRYING = /^(dev|development|test|testing|qa|ci|local|sandbox|demo|stage|staging)\b/;

export function initCommand(program: Command, run: Run): void {
  program
    .command('init')
    .description(`write ${DEFAULT_ROLLOUT}; with --router all that the router needs and a first ${DEFAULT_CONFIG} as well`)
    .argument('<service>', 'the service')
    .option('--env <environment>', 'the environment; production unless told, dev with --router edge')
    .option('--release <id>', 'id of what ships', '${GITHUB_SHA}')
    .option('--revision <name>', 'where it runs', 'green')
    .addOption(
      new Option('--router <type>', 'a router to begin with; the edge is the one that "sluice dev" starts').choices([
        'haproxy',
        'edge',
      ]),
    )
    .option('--blue <host:port>', "the slot blue's server", '127.0.0.1:9001')
    .option('--green <host:port>', "the slot green's server", '127.0.0.1:9002')
    .option('--run <folder>', 'RUN of HAProxy: map files and sockets; must outlive a restart of the machine', 'haproxy-run')
    .action((service: string, options: Options) => run((surroundings) => Promise.resolve(init(surroundings, service, options))));
}

const ROLLOUT_NEXT = [
  `next: name your router and metrics of ${DEFAULT_CONFIG} in it (without one: "sluice init <service> --router haproxy" or`,
  '  "--router edge" in another folder; exec, for other routers: docs/routers.md),',
  '  then sluice validate, sluice plan, sluice start',
];

interface Written {
  /** Text by path, relative to where the command runs or absolute. */
  readonly files: Readonly<Record<string, string>>;
  readonly next: readonly string[];
}

function init(surroundings: Surroundings, service: string, options: Options): ExitCode {
  const { cwd, out } = surroundings;
  const { files, next } = written(surroundings, service, options);
  const there = Object.keys(files).filter((name) => existsSync(resolve(cwd, name)));
  if (there.length > 0)
    throw fail(`found ${there.join(', ')} already; nothing was written; move it away, or change to another folder`);
  for (const [name, text] of Object.entries(files)) {
    const path = resolve(cwd, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: 'wx', mode: name === TOKEN_FILE ? 0o600 : 0o666 });
    out(`wrote ${name}`);
  }
  next.forEach((line) => {
    out(line);
  });
  return EXIT.ok;
}

function written(surroundings: Surroundings, service: string, options: Options): Written {
  const { release, revision, router } = options;
  const environment = options.env ?? (router === 'edge' ? 'dev' : 'production');
  refuseNonsense({ service, '--env': environment }, { '--blue': options.blue, '--green': options.green });
  if (router !== undefined && !isSlot(revision))
    throw fail(
      `--revision: found ${JSON.stringify(revision.slice(0, 80))}, expected ${SLOTS.join(' or ')}: --router ${router} has two slots`,
    );
  const rollout = initialRollout({
    service,
    environment,
    release,
    revision,
    router: ROUTER_NAMES[router ?? 'haproxy'],
    metrics: METRICS_NAME,
  });
  if (router === undefined) return { files: { [DEFAULT_ROLLOUT]: rollout }, next: ROLLOUT_NEXT };
  const { files, next } = (router === 'haproxy' ? forHaproxy : forEdge)(surroundings, { ...options, service, environment });
  return { files: { [DEFAULT_ROLLOUT]: rollout, ...files }, next };
}

const ADDRESS = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):(\d{1,5})$/;

/** Here, where it was typed, and not in the next command's reading of the files. */
function refuseNonsense(names: Readonly<Record<string, string>>, addresses: Readonly<Record<string, string>>): void {
  for (const [what, value] of Object.entries(names)) {
    const read = label().safeParse(value);
    if (!read.success)
      throw fail(`${what}: found ${JSON.stringify(value.slice(0, 80))}, expected ${read.error.issues[0]?.message ?? ''}`);
  }
  for (const [option, value] of Object.entries(addresses)) {
    const port = Number(ADDRESS.exec(value)?.[1] ?? 0);
    if (port < 1 || port > 65_535) throw fail(`${option}: found ${JSON.stringify(value.slice(0, 80))}, expected host:port`);
  }
  const [one, other] = Object.values(addresses);
  if (one === other) throw fail(`--blue and --green: found ${one ?? ''} twice, expected two revisions at two addresses`);
}

interface Asked extends Options {
  readonly service: string;
  readonly environment: string;
}

/** Who serves before the first rollout: the slot that the candidate is not in. */
const stableBeside = (revision: string): Slot => (revision === 'blue' ? 'green' : 'blue');

/** The kernel takes 107 bytes for a socket's path, and HAProxy adds `.<pid>.tmp` while it binds. */
const LONGEST_RUN = 80;

/** Everything that `haproxy -c` and a start need: the configuration, and in RUN the map files that it reads. */
function forHaproxy({ cwd }: Surroundings, { service, environment, revision, blue, green, run }: Asked): Written {
  const folder = resolve(cwd, run);
  if (folder.length > LONGEST_RUN || /[\s"'\\#]/.test(folder))
    throw fail(
      `--run is ${folder}; expected at most ${LONGEST_RUN} characters, without blanks and quotes: sockets lie in it; name another folder`,
    );
  const stable = stableBeside(revision);
  const maps = Object.entries(haproxyRunFiles([{ name: service, stable }]));
  return {
    files: {
      [HAPROXY_FILE]: haproxyConfiguration({ services: [{ name: service, slots: { blue, green } }] }),
      [DEFAULT_CONFIG]: firstConfig('haproxy', environment, haproxyConnection(folder)),
      ...Object.fromEntries(maps.map(([name, text]) => [join(run, name), text])),
    },
    next: [
      `${join(run, 'stable.map')} says that ${stable} serves now; correct it before the start if it does not`,
      'next, with a RELEASE_TOKEN of 16 characters or more in the environment of HAProxy and of the worker:',
      `  RUN=${folder} PORT=8080 CTL=8081 LOG=5514 haproxy -W -S ${folder}/master.sock,mode,600 -f ${HAPROXY_FILE}`,
      `  sluice exporter --service ${service} --udp-port 5514`,
      '  sluice worker',
    ],
  };
}

const haproxyConnection = (folder: string): string => `type: haproxy
    directory: ${folder}        # RUN of ${HAPROXY_FILE}
    adminSocket: ${folder}/admin.sock
    masterSocket: ${folder}/master.sock
    control: http://127.0.0.1:8081    # CTL
    public: http://127.0.0.1:8080     # PORT
    releaseToken: {env: RELEASE_TOKEN}`;

/** A data plane for one machine. The token is a file, so that nothing has to be set before the first command. */
function forEdge(_: Surroundings, asked: Asked): Written {
  const { blue, green } = asked;
  return {
    files: {
      [DEFAULT_CONFIG]: firstConfig('edge', asked.environment, edgeConnection(asked)),
      [`${DEV_FOLDER}/.gitignore`]: '*\n',
      [TOKEN_FILE]: `${randomBytes(16).toString('hex')}\n`,
    },
    next: [
      `next: start your two revisions at ${blue} and ${green}, then`,
      '  sluice dev',
      '  (users, at some 50 requests a second, to http://127.0.0.1:8080: without them there is nothing to judge)',
      '  sluice start --set profile=rehearsal --watch',
    ],
  };
}

const edgeConnection = ({ service, revision, blue, green }: Asked): string => `type: edge
    public: http://127.0.0.1:8080     # users arrive here
    control: http://127.0.0.1:8081
    token: {file: ${TOKEN_FILE}}
    services:                         # "sluice dev" starts this edge
      ${service}:
        blue: http://${blue}
        green: http://${green}
        stable: ${stableBeside(revision)}`;

/** As little as a worker needs beside what was written with it. */
function firstConfig(router: keyof typeof ROUTER_NAMES, environment: string, connection: string): string {
  return `# The platform's side: named connections, limits, floors. Every field: docs/reference
temporal:
  address: 127.0.0.1:7233
environments:
  ${environment}:
    production: ${router === 'haproxy' && !FOR_TRYING.test(environment)}
routers:
  ${ROUTER_NAMES[router]}:
    ${connection}
metrics:
  ${METRICS_NAME}:                          # ${router === 'haproxy' ? 'sluice exporter' : '"sluice dev" starts it'}
    type: scrape
    urls: ["http://127.0.0.1:9105/metrics"]
`;
}
