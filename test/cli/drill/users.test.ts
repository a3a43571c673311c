/** What a drill says before it breaks anything: of its own users, of the address that was typed, and of a router that is away. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startEdge, type Edge } from '../../../src/dataplane/edge/edge.js';
import { freePorts } from '../../harness/ports.js';
import { temporalCli } from '../../harness/temporal-cli.js';
import { rollout, Workplace } from '../sluice.js';

const TOKEN = 'a token of sixteen';
let place: Workplace;
let edge: Edge;
/** Nobody listens there. */
let away: string;
/** Answers 503. */
const failing = createServer((_, response) => response.writeHead(503).end());
/** Takes what is asked, and never answers. */
const silent = createServer(() => undefined);

const urlOf = (server: typeof failing): string => `http://127.0.0.1:${(server.address() as { port: number }).port}`;

before(async () => {
  place = new Workplace({ EDGE_TOKEN: TOKEN, TEMPORAL_CLI_PATH: await temporalCli() });
  const [free] = (await freePorts(1)) as [number];
  away = `http://127.0.0.1:${free}`;
  for (const server of [failing, silent]) await once(server.listen(0, '127.0.0.1'), 'listening');
  edge = await startEdge({
    port: 0,
    controlPort: 0,
    token: TOKEN,
    stateFile: join(place.folder, 'edge.json'),
    services: { 'answer-api': { blue: urlOf(failing), green: urlOf(failing), stable: 'blue' } },
    say: () => undefined,
  });
  configure(edge.addresses.control.url, edge.addresses.public.url);
  place.write('rollout.yaml', rollout('answer-api'));
});
after(async () => {
  await edge.close();
  for (const server of [failing, silent]) {
    server.close();
    server.closeAllConnections();
  }
  place.remove();
});

function configure(control: string, users: string): void {
  place.write(
    'sluice.config.yaml',
    `environments: {test: {production: false}}
routers:
  try-out: {type: edge, control: "${control}", public: "${users}", token: {env: EDGE_TOKEN}}
metrics:
  scraped: {type: scrape, urls: ["${away}/metrics"]}
`,
  );
}

const drill = async (...words: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await place.run('drill', '--fault', 'worker-dead', ...words);
  assert.deepEqual([code, stdout], [1, ''], stderr);
  assert.doesNotMatch(stderr, /not foreseen|^\s+at /m);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  return stderr.trimEnd();
};

test('where nobody serves its own users, a drill says so with what they met, and begins nothing', async () => {
  for (const [url, met] of [
    [away, 'connect ECONNREFUSED 127\\.0\\.0\\.1:\\d+'],
    [urlOf(failing), 'answered 503'],
    [urlOf(silent), 'no answer within 10 s'],
  ] as const)
    assert.match(
      await drill('--url', `${url}/`),
      new RegExp(
        `^sluice: the drill's own requests to ${url} all fail \\(${met}\\): look whether the router takes users there \\(--url\\) and serves / \\(--path\\), or give --rps 0 where `,
      ),
    );
  assert.match(
    await drill('--path', '/ask'),
    /\(answered 503\): .* \(routers\.try-out\.public, or --url\) and serves \/ask \(--path\)/,
  );
});

test('an address that is none is refused where it is typed, and a password in it is not repeated', async () => {
  for (const url of [
    'staging.example.com',
    'ftp://staging',
    'http://',
    'http:///path',
    'http://a b',
    'http://a/?q=1',
    'http://a/#b',
    '',
  ])
    assert.match(
      await drill('--url', url),
      /^sluice: option '--url <url>' argument '.*' is invalid\. expected http:\/\/ or https:\/\/ and a host, .*; --help/,
      url,
    );
  const secret = await drill('--url', 'https://ann:s3cr3t@staging.example.com');
  assert.match(
    secret,
    /^sluice: option '--url <url>' has a user or a password in it; expected http.*; --help shows what is allowed$/,
  );
  assert.doesNotMatch(secret, /s3cr3t/);
  for (const path of ['ask', '', '/a b', '/a#b'])
    assert.match(
      await drill('--path', path),
      /'--path <path>' argument '.*' is invalid\. expected a path such as .*; --help/,
      path,
    );
});

test('a router that cannot be asked is told as what it is', async () => {
  configure(away, away);
  try {
    assert.match(
      await drill(),
      /^sluice: routers\.try-out, which the drill itself asks: .*ECONNREFUSED.*; is the embedded edge running\?$/,
    );
  } finally {
    configure(edge.addresses.control.url, edge.addresses.public.url);
  }
});
