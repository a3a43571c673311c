import { defineSearchAttributeKey, type SearchAttributePair, type TypedSearchAttributes } from '@temporalio/common';
import { SEARCH_ATTRIBUTES } from '../contract/names.js';
import type { RolloutPlan } from '../domain/plan.js';
import type { BasisPoints } from '../domain/words.js';

const KEYS = {
  service: defineSearchAttributeKey(SEARCH_ATTRIBUTES.service, 'KEYWORD'),
  environment: defineSearchAttributeKey(SEARCH_ATTRIBUTES.environment, 'KEYWORD'),
  release: defineSearchAttributeKey(SEARCH_ATTRIBUTES.release, 'KEYWORD'),
  phase: defineSearchAttributeKey(SEARCH_ATTRIBUTES.phase, 'KEYWORD'),
  weight: defineSearchAttributeKey(SEARCH_ATTRIBUTES.weight, 'INT'),
  outcome: defineSearchAttributeKey(SEARCH_ATTRIBUTES.outcome, 'KEYWORD'),
} as const;

/** What can be searched for and shown without a worker. Absent until the rollout has said it. */
export interface FoundAttributes {
  readonly service?: string;
  readonly environment?: string;
  readonly release?: string;
  readonly phase?: string;
  readonly weightBp?: BasisPoints;
  readonly outcome?: string;
}

export function attributesOfStart({ target, candidate }: RolloutPlan): SearchAttributePair[] {
  return [
    { key: KEYS.service, value: target.service },
    { key: KEYS.environment, value: target.environment },
    { key: KEYS.release, value: candidate.release },
    { key: KEYS.phase, value: 'preflight' },
    { key: KEYS.weight, value: 0 },
  ];
}

export function readAttributes(attributes: TypedSearchAttributes): FoundAttributes {
  const weightBp = attributes.get(KEYS.weight);
  const texts = (['service', 'environment', 'release', 'phase', 'outcome'] as const).flatMap((name) => {
    const value = attributes.get(KEYS[name]);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(texts), ...(weightBp === undefined ? {} : { weightBp }) };
}
