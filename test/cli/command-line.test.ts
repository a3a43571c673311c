/** What goes wrong before anything was reached: one line that says what to do, the right exit code, nothing changed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, unlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { until } from '../harness/until.js';
import { rollout, Workplace } from './sluice.js';

const workplace = new Workplace();
after(() => {
  workplace.remove();
});

/** Standard error as lines; none of them may be a stack trace. */
function lines(text: string): readonly string[] {
  assert.doesNotMatch(text, /^\s+at /m);
  return text.trimEnd().split('\n');
}

test('an unreachable Temporal is one line that says what to do, and exit 1', async () => {
  const { code, stdout, stderr } = await workplace.run('status', 'answer-api', '--env', 'test', '--address', '127.0.0.1:9');
  assert.deepEqual([code, stdout, lines(stderr).length], [1, '', 1]);
  assert.match(stderr, /^sluice: no Temporal server answers at 127\.0\.0\.1:9 .*"sluice dev".*TEMPORAL_ADDRESS$/m);
});

test('an abort that reaches no Temporal says what brings the users back instead', async () => {
  const { code, stderr } = await workplace.run('abort', 'answer-api', '--env', 'test', '--address', '127.0.0.1:9');
  assert.deepEqual([code, lines(stderr).length], [1, 1]);
  assert.match(stderr, /by the router's lease, or at once by hand: sluice doctor --service answer-api shows how$/m);
});

test('a malformed rollout is every problem with its place, one line each, and exit 1', async () => {
  workplace.write('bad.yaml', rollout('answer-api').replace('router: try-out', 'router: nowhere\nsoka: 5m'));
  const { code, stderr } = await workplace.run('start', 'bad.yaml', '--address', '127.0.0.1:9');
  const [first, second, ...more] = lines(stderr);
  assert.deepEqual([code, more], [1, []]);
  assert.match(first ?? '', /^sluice: bad\.yaml:4:9 router: found "nowhere", expected try-out/);
  assert.match(second ?? '', /^sluice: bad\.yaml:5:1 .*did you mean soak\?/);
});

test('validate and plan say what they found without any server', async () => {
  const valid = await workplace.run('validate', '--set', 'drain.min=2s');
  assert.deepEqual(
    [valid.code, valid.stdout],
    [0, 'rollout.yaml is valid: answer-api test, 9f3c1e → green, 5 steps, profile rehearsal\n'],
  );
  const plan = await workplace.run('plan', '-o', 'json');
  assert.equal(plan.code, 0);
  const {
    plan: { steps },
    warnings,
  } = JSON.parse(plan.stdout) as { plan: { steps: unknown[] }; warnings: string[] };
  assert.equal(steps.length, 5);
  assert.match(warnings.join('\n'), /rehearsal/);
});

test('a file that is not there is named, with what to do', async () => {
  const { code, stderr } = await workplace.run('validate', 'gone.yaml');
  assert.deepEqual(
    [code, lines(stderr)],
    [1, ['sluice: found no file gone.yaml, expected a rollout; name it as the argument, or write one with "sluice init"']],
  );
});

test('wrong words are one line', async () => {
  for (const [words, expected] of [
    [['status', 'answer-api'], /^sluice: required option '--env <environment>' not specified; --help/],
    [['stauts'], /^sluice: unknown command 'stauts'.*Did you mean status\?/],
    [
      ['start', '--timeout', 'soon'],
      /^sluice: option '--timeout <duration>' argument 'soon' is invalid\. expected a duration such as 90s/,
    ],
    [
      ['list', '-o', 'xml'],
      /^sluice: option '-o, --output <format>' argument 'xml' is invalid\. Allowed choices are text, json, github/,
    ],
    [['plan', '--rsp', '5'], /^sluice: unknown option '--rsp' \(Did you mean --rps\?\); --help shows what is allowed$/],
    [['status', '--env', 'test'], /^sluice: missing required argument 'service'; --help shows what is allowed$/],
    [['plan', '--rps'], /^sluice: option '--rps <requests>' argument missing; --help shows what is allowed$/],
    [['validate', 'a.yaml', 'b.yaml'], /^sluice: too many arguments for 'validate'\. Expected 1 argument but got 2\b.*; --help/],
    [['plan', '--rps', '-5'], /argument '-5' is invalid\. expected requests a second such as 200 or 0\.5; --help/],
    [['plan', '--rps', 'NaN'], /argument 'NaN' is invalid\. expected requests a second such as 200 or 0\.5; --help/],
    [
      ['worker', '--deployment-name', '', '--build-id', ''],
      /'--deployment-name <name>' argument '' is invalid\. expected a name/,
    ],
    [
      ['worker', '--deployment-name', 'sluice', '--build-id', ' '],
      /'--build-id <id>' argument ' ' is invalid\. expected a name; leave/,
    ],
  ] as const) {
    const { code, stdout, stderr } = await workplace.run(...words);
    assert.deepEqual([code, stdout, lines(stderr).length], [1, '', 1], stderr);
    assert.match(stderr.trimEnd(), expected);
  }
});

test('a worker that is given half a version does not start', async () => {
  for (const words of [
    ['--deployment-name', 'sluice'],
    ['--build-id', '9f3c1e'],
  ]) {
    const { code, stderr } = await workplace.run('worker', '--port', '0', ...words);
    assert.deepEqual([code, lines(stderr).length], [1, 1], stderr);
    assert.match(stderr, /^sluice: found only one of --deployment-name and --build-id, expected both, or none/);
  }
});

test('a slot that the router does not have is refused by validate and plan, and by init before a file is written', async () => {
  for (const command of ['validate', 'plan']) {
    const { code, stderr } = await workplace.run(command, '--set', 'candidate.revision=purple');
    assert.deepEqual([code, lines(stderr).length], [1, 1], stderr);
    assert.match(stderr, /^sluice: --set candidate\.revision: found "purple", expected one of blue, green; routers\.try-out of /);
  }
  workplace.write('purple.yaml', rollout('answer-api').replace('revision: green', 'revision: purple'));
  const { stderr } = await workplace.run('validate', 'purple.yaml');
  assert.match(stderr, /^sluice: purple\.yaml:3:40 candidate\.revision: found "purple"/);
  const init = await workplace.run('init', 'other', '--router', 'haproxy', '--revision', 'purple');
  assert.deepEqual(
    [init.code, lines(init.stderr)],
    [1, ['sluice: --revision: found "purple", expected blue or green: --router haproxy has two slots']],
  );
});

test('without traffic a plan says that nothing can be seen, and advises no tolerance', async () => {
  const { code, stdout } = await workplace.run('plan', '--rps', '0');
  assert.equal(code, 0);
  assert.match(stdout, /^what it can see at 0 requests a second: nothing$/m);
  assert.match(
    stdout,
    /^warning: no traffic is expected, so that no gate can see anything: the first step holds for limits\.idle \(\w+\) and then rolls back; send requests, or set idle\.then: accept-on-probes$/m,
  );
  assert.doesNotMatch(stdout, /gates\.errors\.tolerance:|badRequestsPerStep:|soak longer|of 100/);
});

test('a platform configuration that is not there is named, with both routers that init writes and where the third is described', async () => {
  const { code, stderr } = await workplace.run('validate', '--config', 'gone.yaml');
  assert.deepEqual(
    [code, lines(stderr)],
    [
      1,
      [
        'sluice: found no file gone.yaml, expected the platform\'s configuration; name it with --config, or write one with "sluice init <service> --router haproxy" or "--router edge" (exec, for other routers: docs/routers.md)',
      ],
    ],
  );
});

test('a port that is taken is one line with the port and what to do, whichever server wanted it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  const place = new Workplace({ EDGE_TOKEN: 'a token of sixteen', CODEC_KEY: Buffer.alloc(32, 7).toString('base64') });
  try {
    await once(other, 'listening');
    const port = String((other.address() as { port: number }).port);
    place.write(
      'encrypted.yaml',
      'environments: {test: {production: false}}\ntemporal: {encryption: {keyId: one, key: {env: CODEC_KEY}}}\nrouters: {}\nmetrics: {}\n',
    );
    const taken = `listen EADDRINUSE: address already in use 127\\.0\\.0\\.1:${port}; stop what listens there, or choose another port`;
    for (const [words, expected] of [
      [
        ['worker', '--log-level', 'error', '--port', port],
        `health and metrics cannot be served on 127\\.0\\.0\\.1:${port}: ${taken} \\(--port, `,
      ],
      [
        ['exporter', '--udp-port', '0', '--port', port],
        `the exporter cannot listen on UDP .* and TCP 127\\.0\\.0\\.1:${port}: ${taken} \\(--udp`,
      ],
      [
        ['codec-server', '--config', 'encrypted.yaml', '--port', port],
        `the codec server cannot listen on 127\\.0\\.0\\.1:${port}: ${taken} \\(--port\\)`,
      ],
      // An address that no machine has (RFC 5737).
      [
        ['worker', '--log-level', 'error', '--host', '203.0.113.7'],
        'health and metrics cannot .* EADDRNOTAVAIL.*; choose an address of this machine \\(--host\\)',
      ],
    ] as const) {
      const { code, stdout, stderr } = await place.run(...words);
      assert.deepEqual([code, stdout, lines(stderr).length], [1, '', 1], stderr);
      assert.match(stderr, new RegExp(`^sluice: ${expected}`));
    }
  } finally {
    other.close();
    place.remove();
  }
});

test('init writes files that are valid as they are, and never over others', async () => {
  const fresh = new Workplace();
  try {
    const refused = await fresh.run('init', 'answer-api', '--router', 'haproxy');
    assert.deepEqual(
      [refused.code, lines(refused.stderr)],
      [
        1,
        [
          'sluice: found rollout.yaml, sluice.config.yaml already; nothing was written; move it away, or change to another folder',
        ],
      ],
    );
    assert.equal(existsSync(join(fresh.folder, 'haproxy.cfg')), false);
    assert.equal(readFileSync(join(fresh.folder, 'rollout.yaml'), 'utf8'), rollout('answer-api'));
  } finally {
    fresh.remove();
  }
});

test('what init writes for HAProxy passes validate', async () => {
  const fresh = new Workplace({ GITHUB_SHA: '9f3c1e' });
  try {
    for (const name of ['rollout.yaml', 'sluice.config.yaml']) unlinkSync(join(fresh.folder, name));
    const { code, stdout } = await fresh.run('init', 'answer-api', '--router', 'haproxy');
    assert.deepEqual(
      [code, stdout.split('\n').slice(0, 3)],
      [0, ['wrote rollout.yaml', 'wrote haproxy.cfg', 'wrote sluice.config.yaml']],
    );
    const valid = await fresh.run('validate');
    assert.deepEqual([valid.code, valid.stderr], [0, '']);
    assert.match(readFileSync(join(fresh.folder, 'haproxy.cfg'), 'utf8'), /backend answer-api-green/);
    assert.match(
      readFileSync(join(fresh.folder, 'sluice.config.yaml'), 'utf8'),
      new RegExp(`directory: ${fresh.folder}/haproxy-run `),
    );
  } finally {
    fresh.remove();
  }
});

test('doctor tells everything that it can though Temporal is away, the broken glass included', async () => {
  const { code, stdout } = await workplace.run('doctor', '--address', '127.0.0.1:9');
  assert.equal(code, 1);
  assert.match(stdout, /FAILED +temporal +no Temporal server answers/);
  assert.match(stdout, /ok +configuration/);
  assert.match(stdout, /back: curl -s -X POST .*\$EDGE_TOKEN.*127\.0\.0\.1:9\/revoke/);
});

test('a worker whose secrets are missing names all of them and does not start', async () => {
  const { code, stderr } = await workplace.run('worker', '--port', '0');
  assert.deepEqual(
    [code, lines(stderr)],
    [
      1,
      [
        'sluice: sluice.config.yaml routers.try-out.token: found no environment variable EDGE_TOKEN, expected it to be set on the worker',
      ],
    ],
  );
});

test('the exporter runs until it is told to end', async () => {
  const exporter = await workplace.start('exporter', '--udp-port', '0', '--port', '0', '--service', 'answer-api');
  const url = await until(() => /metrics on (\S+)/.exec(exporter.stdout)?.[1], {
    withinMs: 20_000,
    what: 'the exporter to say where it is',
  });
  assert.match(await (await fetch(url)).text(), /answer-api/);
  exporter.signal('SIGTERM');
  assert.equal((await exporter.waitForExit({ withinMs: 10_000 })).code, 0);
});

test('a drill that would move users of production, or cannot be played, is one line and starts nothing', async () => {
  const place = new Workplace({ EDGE_TOKEN: 'a token of sixteen' });
  try {
    place.write('answer.yaml', rollout('answer-api').replace('profile: rehearsal\n', ''));
    const config = (production: boolean): string => `environments: {test: {production: ${String(production)}}}
routers:
  try-out: {type: edge, control: "http://127.0.0.1:9", public: "http://127.0.0.1:9", token: {env: EDGE_TOKEN}}
metrics:
  scraped: {type: prometheus, url: "http://127.0.0.1:9", scrapeInterval: 5s}
`;
    place.write('sluice.config.yaml', config(true));
    const production = await place.run('drill', 'answer.yaml');
    assert.equal(production.code, 1);
    assert.match(
      lines(production.stderr)[0] ?? '',
      /^sluice: test is marked as production in sluice\.config\.yaml, .*drill another/,
    );
    place.write('sluice.config.yaml', config(false));
    const stored = await place.run('drill', 'answer.yaml', '--fault', 'errors');
    assert.match(
      lines(stored.stderr)[0] ?? '',
      /^sluice: errors cannot be played here: metrics\.scraped is no page that is scraped/,
    );
    const everybody = await place.run('drill', 'answer.yaml', '--at', '100');
    assert.match(lines(everybody.stderr)[0] ?? '', /expected a percentage above 0 and below 100/);
    assert.deepEqual(
      [production, stored, everybody].map(({ stderr }) => lines(stderr).length),
      [1, 1, 1],
    );
  } finally {
    place.remove();
  }
});
