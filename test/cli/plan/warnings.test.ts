import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planWarnings } from '../../../src/cli/plan/warnings.js';
import { planWith } from '../../domain/plans.js';

const quiet = planWith();
const capacity = { headroom: 1.5, expectedP50Rps: 100, meanLatencyS: 0.2, concurrencyPerInstance: 10 };

test('a plan with traffic, capacity, probes and people has nothing to warn of', () => {
  assert.deepEqual(planWarnings(quiet, undefined), []);
});

test('a service too quiet for a 1 % step is told so, with a ladder that fits (A24)', () => {
  const [warning] = planWarnings(planWith({ capacity: { ...capacity, expectedP50Rps: 5 } }), undefined);
  assert.equal(
    warning,
    'at 1 % about 30 requests arrive within 10m, and the gates need 50 a side: the step will be extended, and may wait for a human; consider steps: [25, 50, 100]',
  );
});

test('where not even half of the traffic is enough, probes are proposed', () => {
  assert.match(
    planWarnings(planWith({ capacity: { ...capacity, expectedP50Rps: 0.01 } }), undefined).join(),
    /accept-on-probes, or soak longer/,
  );
});

test('the literal rule, a missing error gate and a risk budget that never passes are named', () => {
  const [errors] = quiet.judge.gates;
  assert.match(
    planWarnings(
      planWith({ judge: { ...quiet.judge, gates: [{ ...errors!, mode: 'threshold' }], badRequestsBudget: 10 } }),
      undefined,
    ).join(),
    /errors: mode threshold is the literal rule.*risk budget of 10/,
  );
  assert.match(planWarnings(planWith({ judge: { ...quiet.judge, gates: [] } }), undefined).join(), /no error gate decides/);
});

test('what a router cannot do is said before the start', () => {
  const program = ['/bin/route'];
  const router = {
    type: 'exec',
    commands: { read: program, apply: program, revoke: program, finalise: program, confirm: program },
    capabilities: { stepBp: 500 },
  } as const;
  const said = planWarnings(quiet, router).join('\n');
  assert.match(said, /holds no lease/);
  assert.match(said, /takes multiples of 5 % only: preflight refuses 1 %/);
  assert.match(said, /they may bounce/);
  assert.match(said, /no probe recipe/);
  const sticky = { ...router, capabilities: { ...router.capabilities, sticky: 'key-hash' } } as const;
  const climbing = planWith({ stickyBy: ['user', 'cookie'] });
  assert.match(planWarnings(climbing, sticky).join('\n'), /cannot tell users apart by cookie: it is passed over/);
  const cookieFirst = planWith({ stickyBy: ['cookie', 'user'] });
  assert.match(planWarnings(cookieFirst, sticky).join('\n'), /apart by cookie, which the plan begins with: preflight refuses/);
  const able = { ...sticky, capabilities: { ...sticky.capabilities, stickyBy: ['user' as const, 'cookie' as const] } };
  assert.doesNotMatch(planWarnings(climbing, able).join('\n'), /tell users apart/);
});

test('a rehearsal, and what nobody watches over, is said', () => {
  const said = planWarnings(
    planWith({
      rehearsal: true,
      connections: { router: 'edge', metrics: ['prom'], notify: [] },
      warmUp: { holdMs: 0, timeoutMs: 1 },
    }),
    undefined,
  ).join('\n');
  for (const expected of [/rehearsal/, /nobody holds stable's capacity/, /warm path is not checked/, /nobody is told/])
    assert.match(said, expected);
});

test('without traffic each way of going on is told as what it is, and no longer soak is advised', () => {
  const said = (idleThen: 'hold' | 'roll-back' | 'accept-on-probes'): string =>
    planWarnings(planWith({ idleThen }), undefined, 0).join();
  assert.match(
    said('hold'),
    /^no traffic is expected, .*: the first step holds for limits\.idle \(\w+\) and then rolls back; send requests/,
  );
  assert.match(said('roll-back'), /^no traffic is expected, .*: the first step rolls back as soon as .*; send requests/);
  assert.match(said('accept-on-probes'), /^no traffic is expected, .*: its own probes alone decide each step/);
  for (const idleThen of ['hold', 'roll-back', 'accept-on-probes'] as const)
    assert.doesNotMatch(said(idleThen), /soak longer|consider/);
});
