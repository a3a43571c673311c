import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketOf } from '../../../src/dataplane/edge/buckets.js';
import { decideRoute, type Routed, type RoutingFacts } from '../../../src/dataplane/edge/decide-route.js';
import type { Pin } from '../../../src/dataplane/edge/pins.js';
import { freshState, leaseOf, type ServiceState } from '../../../src/dataplane/edge/service-state.js';

const RAMP = 'release-2~1';

function at(candidateBp: number, sticky = true): ServiceState {
  return {
    durable: { ...freshState('blue'), live: RAMP },
    route: { candidate: 'green', candidateBp, sticky, ramp: RAMP, sequence: 1 },
    leaseExpiryS: 100,
  };
}

function by(stickyBy: 'cookie' | 'header'): ServiceState {
  const { route, ...state } = at(5_000);
  assert.ok(route);
  return { ...state, route: { ...route, stickyBy } };
}

function facts(more: Partial<RoutingFacts> = {}): RoutingFacts {
  return {
    lease: 'live',
    pin: { kind: 'none' },
    isAlive: () => true,
    relpin: () => undefined,
    relwas: () => undefined,
    user: () => 'somebody',
    newUser: () => 'new-user',
    bucket: () => 4_999,
    draw: () => 4_999,
    ...more,
  };
}

const pin = (kind: 'stable' | 'candidate' | 'unknown'): Pin => ({ kind });

void test('the rules apply in one order: pin, lease, candidate, reconnect, bucket or draw, the candidate’s life', () => {
  const promoted: ServiceState = { ...at(5_000), durable: { ...at(5_000).durable, stable: 'green' } };
  const table: [string, ServiceState, Partial<RoutingFacts>, Pick<Routed, 'slot' | 'role' | 'why'>][] = [
    [
      'a pin beats the lapsed lease',
      at(5_000),
      { pin: pin('candidate'), lease: 'expired' },
      { slot: 'green', role: 'candidate', why: 'pin' },
    ],
    ['a pin beats the weight', at(10_000), { pin: pin('stable') }, { slot: 'blue', role: 'stable', why: 'pin' }],
    ['a pin names a slot', at(0), { pin: { kind: 'slot', slot: 'green' } }, { slot: 'green', role: 'candidate', why: 'pin' }],
    [
      'a lapsed lease beats a reconnect',
      at(5_000),
      { lease: 'expired', relpin: () => `${RAMP}.green` },
      { slot: 'blue', role: 'stable', why: 'no-lease' },
    ],
    ['a revoked ramp gets nobody', at(10_000), { lease: 'revoked' }, { slot: 'blue', role: 'stable', why: 'no-lease' }],
    ['after the promotion the candidate is stable', promoted, {}, { slot: 'green', role: 'stable', why: 'no-candidate' }],
    [
      'a reconnect beats the bucket',
      at(1),
      { relpin: () => `${RAMP}.green` },
      { slot: 'green', role: 'candidate', why: 'relpin' },
    ],
    [
      'a reconnect comes back to stable as well',
      at(9_999),
      { relpin: () => `${RAMP}.blue` },
      { slot: 'blue', role: 'stable', why: 'relpin' },
    ],
    [
      '0 % is exact, whatever reconnects',
      at(0),
      { relpin: () => `${RAMP}.green` },
      { slot: 'blue', role: 'stable', why: 'bucket' },
    ],
    [
      '100 % is exact, whatever reconnects',
      at(10_000),
      { relpin: () => `${RAMP}.blue` },
      { slot: 'green', role: 'candidate', why: 'bucket' },
    ],
    [
      'a reconnect of another ramp is ignored',
      at(1),
      { relpin: () => 'release-2~2.green' },
      { slot: 'blue', role: 'stable', why: 'bucket' },
    ],
    ['a bucket below the weight is on the candidate', at(5_000), {}, { slot: 'green', role: 'candidate', why: 'bucket' }],
    ['a bucket at the weight is not', at(4_999), {}, { slot: 'blue', role: 'stable', why: 'bucket' }],
    [
      'without stickiness chance decides',
      at(5_000, false),
      { bucket: () => assert.fail('a bucket was asked for') },
      { slot: 'green', role: 'candidate', why: 'draw' },
    ],
    [
      'a dead candidate gets no draw',
      at(10_000),
      { isAlive: (slot) => slot === 'blue' },
      { slot: 'blue', role: 'stable', why: 'candidate-down' },
    ],
    [
      'a dead candidate gets no reconnect',
      at(10),
      { isAlive: (slot) => slot === 'blue', relpin: () => `${RAMP}.green` },
      { slot: 'blue', role: 'stable', why: 'candidate-down' },
    ],
    ['a dead stable slot changes nothing', at(0), { isAlive: () => false }, { slot: 'blue', role: 'stable', why: 'bucket' }],
  ];
  for (const [what, state, more, expected] of table) {
    const found = decideRoute(state, facts(more));
    assert.ok(found.kind === 'routed', what);
    assert.deepEqual({ slot: found.slot, role: found.role, why: found.why }, expected, what);
  }
});

void test('a pin that cannot be kept is an error and never goes to the other revision', () => {
  const noRoute: ServiceState = { durable: freshState('blue'), route: undefined, leaseExpiryS: 0 };
  const table: [ServiceState, Partial<RoutingFacts>][] = [
    [at(5_000), { pin: pin('unknown') }],
    [noRoute, { pin: pin('candidate') }],
    [at(5_000), { pin: pin('candidate'), isAlive: (slot) => slot === 'blue' }],
  ];
  for (const [state, more] of table) {
    assert.equal(decideRoute(state, facts(more)).kind, 'misdirected');
  }
});

void test('only a user without an id gets a new one, and the first answer agrees with the later ones', () => {
  const known = decideRoute(at(5_000), facts());
  const fresh = decideRoute(at(5_000), facts({ user: () => undefined, bucket: (_, user) => (user === 'new-user' ? 1 : 9_999) }));
  assert.ok(known.kind === 'routed' && fresh.kind === 'routed');
  assert.deepEqual([known.newUser, fresh.newUser, fresh.slot], [undefined, 'new-user', 'green']);
});

void test('users are told apart by what the route says, and by their id where it says nothing', () => {
  const asked: string[] = [];
  const noting = facts({
    user: (how) => {
      asked.push(how);
      return 'somebody';
    },
  });
  for (const state of [at(5_000), by('cookie'), by('header')]) decideRoute(state, noting);
  assert.deepEqual(asked, ['user', 'cookie', 'header']);
});

void test('the candidate marks whom it answers, and who comes back with the mark was kept or has left (R18)', () => {
  const mark = `${RAMP}.user`;
  const back = { relwas: () => mark };
  const away = { bucket: () => 9_999 };
  const table: [string, ServiceState, Partial<RoutingFacts>, Routed['stay']][] = [
    ['the candidate marks', at(5_000), {}, { kind: 'first', mark }],
    ['the mark names what users are told apart by', by('cookie'), {}, { kind: 'first', mark: `${RAMP}.cookie` }],
    ['stable marks nobody', at(5_000), away, { kind: 'undecided' }],
    ['back on the candidate', at(5_000), back, { kind: 'kept' }],
    ['sent to stable', at(5_000), { ...back, ...away }, { kind: 'broken' }],
    ['marked anew by another pin', by('header'), back, { kind: 'first', mark: `${RAMP}.header` }],
    ['a mark of another ramp is none', at(5_000), { relwas: () => 'release-2~2.user', ...away }, { kind: 'undecided' }],
    ['an id that is just given marks nobody', at(5_000), { user: () => undefined }, { kind: 'undecided' }],
    ['a dead candidate sends nobody away', at(5_000), { ...back, isAlive: (slot) => slot === 'blue' }, { kind: 'undecided' }],
    ['a lease that lapsed sends nobody away', at(5_000), { ...back, lease: 'expired' }, { kind: 'undecided' }],
    ['a pin is not a user', at(5_000), { ...back, pin: pin('stable') }, { kind: 'undecided' }],
    ['a stream that comes back says nothing', at(5_000), { ...back, relpin: () => `${RAMP}.blue` }, { kind: 'undecided' }],
    ['without stickiness nobody stays', at(5_000, false), { ...back, draw: () => 9_999 }, { kind: 'undecided' }],
    ['at 0 % nobody may stay', at(0), back, { kind: 'undecided' }],
    ['at 100 % nobody can leave', at(10_000), back, { kind: 'undecided' }],
  ];
  for (const [what, state, more, stay] of table) {
    const found = decideRoute(state, facts(more));
    assert.deepEqual(found.kind === 'routed' && found.stay, stay, what);
  }
});

void test('nobody leaves the candidate while the weight rises, a retry finds the same users, and the next release others (A17)', () => {
  const users = Array.from({ length: 5_000 }, (_, number) => `user-${String(number)}`);
  const onCandidate = (ramp: string, weight: number): Set<string> =>
    new Set(users.filter((user) => bucketOf('app', ramp, user) < weight));
  let before = new Set<string>();
  for (const weight of [100, 500, 2_500, 5_000, 10_000]) {
    const now = onCandidate('release-2~1', weight);
    assert.ok(
      [...before].every((user) => now.has(user)),
      `somebody left at ${String(weight)}`,
    );
    const expected = (users.length * weight) / 10_000;
    assert.ok(
      Math.abs(now.size - expected) <= 4 * Math.sqrt(expected * (1 - weight / 10_000)) + 1e-9,
      `${String(now.size)} users at ${String(weight)}`,
    );
    before = now;
  }
  assert.deepEqual(onCandidate('release-2~2', 500), onCandidate('release-2~1', 500));
  const shared = [...onCandidate('release-3~1', 5_000)].filter((user) => onCandidate('release-2~1', 5_000).has(user)).length;
  assert.ok(Math.abs(shared - 1_250) < 4 * Math.sqrt(1_250), `${String(shared)} of 5,000 users are early in both releases`);
});

void test('a lease is live from now until its end and for an hour at most: what lies further ahead is a mistake', () => {
  const state = (leaseExpiryS: number): ServiceState => ({ ...at(5_000), leaseExpiryS });
  assert.deepEqual(
    [0, 999, 1_000, 1_001, 4_600, 4_601, 1_001_000].map((expiry) => leaseOf(state(expiry), 1_000_500)),
    ['expired', 'expired', 'expired', 'live', 'live', 'expired', 'expired'],
  );
});
