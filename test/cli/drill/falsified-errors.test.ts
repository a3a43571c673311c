import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FalsifiedErrors } from '../../../src/cli/drill/falsified-errors.js';

const TARGET = { service: 'app', environment: 'test' };
const PAIR = { stable: { id: 'blue', release: 'v1', slot: 'blue' }, candidate: { id: 'green', release: 'v2', slot: 'green' } };
const SCRAPE = { type: 'scrape' as const, urls: ['http://127.0.0.1:9/metrics'] };

const page = (green: number, bad?: number): string =>
  [
    '# TYPE sluice_requests_total counter',
    'sluice_requests_total{service="app",revision="blue",release_id="v1",role="stable",code="2xx"} 900',
    `sluice_requests_total{service="app",revision="green",release_id="v2",role="candidate",code="2xx"} ${green}`,
    ...(bad === undefined
      ? []
      : [`sluice_requests_total{service="app",revision="green",release_id="v2",role="candidate",code="5xx"} ${bad}`]),
    `sluice_requests_total{service="other",revision="green",release_id="v2",role="candidate",code="2xx"} ${green}`,
    '',
  ].join('\n');

test('until it strikes, a page is passed on as it is', () => {
  const errors = new FalsifiedErrors(SCRAPE, TARGET, PAIR);
  assert.equal(errors.page(page(100)), page(100));
  assert.equal(errors.page(page(160, 3)), page(160, 3));
});

test('from the strike on, half of what the candidate was asked since is errors of its own, and nobody else is touched', () => {
  const errors = new FalsifiedErrors({ ...SCRAPE, startsAtZero: true }, TARGET, PAIR);
  errors.page(page(100));
  errors.strike();
  assert.equal(errors.page(page(100)), page(100));
  const line = 'sluice_requests_total{service="app",revision="green",release_id="v2",role="candidate",code="500"} 30\n';
  assert.equal(errors.page(page(160)), page(160) + line);
});

test('errors that are on the page already are added to', () => {
  const errors = new FalsifiedErrors({ ...SCRAPE, ...ofService('5..') }, TARGET, PAIR);
  const own = (good: number, bad: number): string =>
    `http_total{version="v2",status="200"} ${good}\nhttp_total{version="v2",status="500"} ${bad}\n`;
  errors.page(own(10, 1));
  errors.strike();
  assert.equal(errors.page(own(30, 2)), own(30, 12));
});

test('a restart of the service takes nothing away', () => {
  const errors = new FalsifiedErrors(SCRAPE, TARGET, PAIR);
  errors.page(page(100));
  errors.strike();
  assert.equal(errors.page(page(5)), page(5));
});

test('metrics that know no requests, or tell errors by a word of their own, say why no error can be made up', () => {
  const whyNot = (more: object): string | undefined => new FalsifiedErrors({ ...SCRAPE, ...more }, TARGET, PAIR).whyNot();
  assert.equal(whyNot({}), undefined);
  assert.match(whyNot({ names: { latency: 'seconds' } }) ?? '', /^it names no requests/);
  assert.match(whyNot(ofService('boo+m')) ?? '', /matches "boo\+m"/);
});

function ofService(errors: string) {
  return {
    labels: { revision: 'version' },
    names: { requests: 'http_total', errors: { metric: 'http_total', where: { status: errors } } },
  };
}
