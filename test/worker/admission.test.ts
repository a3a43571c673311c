import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROLLBACK_PROFILE } from '../../src/contract/names.js';
import { admission } from '../../src/worker/admission.js';
import { planWith } from '../domain/plans.js';
import { configOf } from './config.js';

const CONFIG = configOf(`
routers: {edge: {type: edge, control: "http://127.0.0.1:1", public: "http://127.0.0.1:2", token: {env: TOKEN}}}
metrics: {prom: {type: prometheus, url: "http://127.0.0.1:9090", scrapeInterval: 5s}}
environments: {production: {production: true, floors: {soak: 20m}}}
allow: {metrics: {prom: {services: ["answer-*"]}}}
`);
const refused = admission(CONFIG);
const connections = { router: 'edge', metrics: ['prom'], notify: [] };

test('a plan below this platform’s floors is refused with each field, whoever parsed it', () => {
  const found = refused(planWith({ connections }));
  assert.equal(
    found.filter((text) => /soak/.test(text) && /at least 20m/.test(text) && /sluice\.config\.yaml/.test(text)).length,
    4,
  );
});

test('a connection that this service may not use is refused', () => {
  const plan = planWith({ connections, target: { service: 'other', environment: 'production' } });
  assert.ok(
    refused(plan).some((text) => text.includes('leaves out other in production')),
    refused(plan).join('\n'),
  );
});

test('an environment that claims not to be production is refused', () => {
  assert.ok(refused(planWith({ connections, production: false })).some((text) => text.startsWith('environment is')));
});

test('floors do not hold a rollback up; its connections are held to the rules all the same', () => {
  const plan = planWith({ connections, profile: ROLLBACK_PROFILE });
  assert.deepEqual(refused(plan), []);
  assert.notDeepEqual(refused({ ...plan, connections: { ...connections, router: 'elsewhere' } }), []);
});

test('a slot that the router does not have is refused here as well, also where somebody else made the plan', () => {
  const candidate = { id: 'r2', release: '9f3c1e', slot: 'purple' };
  assert.match(
    refused(planWith({ connections, candidate })).join('\n'),
    /candidate\.revision is "purple", and one of blue, green is expected/,
  );
});
