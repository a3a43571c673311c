import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { TemporalProblem } from '../../src/client/index.js';
import { GRPC, translate } from '../../src/client/problem.js';

const place = { address: 'temporal:7233', namespace: 'prod' };

/** As gRPC's own, which cannot be constructed. */
const grpc = (code: number, details: string): Error =>
  Object.assign(new Error(`${code} ${details}`), { code, details, metadata: {} });

test('every error is one line that says what to do, wrapped or not', () => {
  for (const [error, expected] of [
    [
      grpc(GRPC.unavailable, 'connect ECONNREFUSED'),
      /^no Temporal server answers at temporal:7233 \(connect ECONNREFUSED\); .*TEMPORAL_ADDRESS$/,
    ],
    [
      new ServiceError('Failed to start Workflow', { cause: grpc(GRPC.deadlineExceeded, 'late\nvery') }),
      /^no Temporal server answers at temporal:7233 \(late very\)/,
    ],
    [grpc(GRPC.permissionDenied, 'no'), /refused the caller \(no\); check the API key/],
    [grpc(GRPC.resourceExhausted, 'busy'), /over its limits \(busy\); try again/],
    [
      grpc(GRPC.invalidArgument, 'Namespace prod has no mapping defined for search attribute SluiceService'),
      /lacks Sluice's search attributes .*"sluice worker"$/,
    ],
    [new Error('odd'), /^Temporal at temporal:7233 answered: odd$/],
  ] as const) {
    const problem = translate(error, place);
    assert.equal(problem instanceof TemporalProblem, true);
    assert.match(problem.message, expected);
  }
});

test('errors that are answers stay what they are', () => {
  const notFound = new WorkflowNotFoundError('workflow not found', 'id', undefined);
  assert.equal(translate(notFound, place), notFound);
});
