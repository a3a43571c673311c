import { z } from 'zod';
import { STICKY_BY } from '../domain/words.js';
import { changeWindowSchema } from './change-windows.js';
import { choice, count, duration, flag, section, share, text, urlPath, weight } from './fields.js';
import { gatesSchema } from './gates.js';
import { stickyPins } from './sticky-schema.js';

const people = () => text(/^[\x21-\x2b\x2d-\x7e]{1,128}$/, 'a name or address without spaces and commas');

export const approvalShape = {
  approvers: z
    .array(people(), { error: 'a list of names' })
    .max(50, { error: 'at most 50 names' })
    .optional()
    .describe('Who may approve; empty: anybody.'),
  count: count({ least: 1, most: 20 }).optional().describe('How many approvals are needed.'),
  notTheStarter: flag().optional().describe('Whoever started the rollout may not approve it.'),
};

/** More would be a step of its own. */
const MOST_HOLDBACK_BP = 1_000;

export interface Bake {
  readonly soak?: number | undefined;
  readonly holdback?: number | undefined;
}

const stepWeight = () => weight({ leastBp: 1 });

const step = z.union(
  [
    stepWeight().transform((weightBp) => ({ weight: weightBp })),
    section({
      weight: stepWeight().describe('Share of user traffic on the candidate, in percent.'),
      soak: duration({ leastMs: 1_000 }).optional().describe('How long this step is watched.'),
      approval: section(approvalShape).optional().describe('A human approves before this weight is applied.'),
    }),
  ],
  { error: 'a percentage from 0.01 to 100, in steps of 0.01, or {weight, soak, approval}' },
);

const stepList = 'a list of 1 to 20 percentages or {weight, soak, approval}';
const limit = () => duration({ leastMs: 1_000 }).optional();

const bakeSoak = () => duration({ leastMs: 1_000 });

/** A duration alone leaves the holdback as it is. */
const bake = z.union(
  [
    bakeSoak().transform((soak): Bake => ({ soak })),
    section({
      soak: bakeSoak().optional().describe('How long 100 % is watched.'),
      holdback: weight({ leastBp: 0, mostBp: MOST_HOLDBACK_BP })
        .optional()
        .describe('Share of users who stay on stable meanwhile, so that the gates go on comparing; then they follow.'),
    }).transform((written): Bake => written),
  ],
  { error: 'a duration of at least 1s, or {soak, holdback}' },
);

/** What a profile decides and a rollout may say otherwise. Everything is optional: the layers below have the rest. */
export const settingsShape = {
  steps: z
    .array(step, { error: stepList })
    .min(1, { error: stepList })
    .max(20, { error: stepList })
    .optional()
    .describe('Weights, strictly rising; the last is 100.'),
  soak: duration({ leastMs: 1_000 }).optional().describe('How long each step but the last is watched.'),
  soakMax: duration({ leastMs: 1_000 })
    .optional()
    .describe('How far an inconclusive step is extended before it waits for a human.'),
  bake: bake.optional().describe('How long 100 % is watched before the candidate becomes stable.'),
  gates: gatesSchema.optional().describe('What the candidate is judged by.'),
  alpha: share({ above: 0.001, most: 0.2, example: '1%' })
    .optional()
    .describe('Chance of ever rolling back a release that is no worse than the tolerances, over the whole rollout.'),
  risk: section({
    badRequestsPerStep: z
      .union([z.literal('auto'), count({ least: 1, most: 1_000_000_000 })], { error: 'auto or a whole number from 1' })
      .optional()
      .describe(
        'Extra bad requests at the next step that a pass may still risk; auto: the largest of 75, 0.02 % of its requests, and 8 standard deviations of the bad ones that stable would have there.',
      ),
    beta: share({ above: 0, most: 0.5, example: '5%' })
      .optional()
      .describe('Chance of certifying a release that is worse, per gate and step.'),
  })
    .optional()
    .describe('The risk budget.'),
  lookBack: duration({ mostMs: 24 * 3_600_000 })
    .optional()
    .describe('How much of stable’s past the gates learn from before any user moves; 0s: none.'),
  minimumRequests: count({ least: 1, most: 1_000_000_000 })
    .optional()
    .describe('Requests a side below which a step stays inconclusive.'),
  stale: z
    .union([z.literal('auto'), duration({ leastMs: 1_000 })], { error: 'auto or a duration such as 30s' })
    .optional()
    .describe('A sample older than this is no data; auto: the larger of 15s and four sample intervals.'),
  tick: duration({ leastMs: 1_000, mostMs: 60_000 }).optional().describe('How often the gates are judged.'),
  lease: duration({ leastMs: 10_000, mostMs: 300_000 })
    .optional()
    .describe('How long the data plane believes a controller that is silent.'),
  bucket: duration({ leastMs: 5_000, mostMs: 300_000 })
    .optional()
    .describe('Longest stretch of supervision that is one activity.'),
  sticky: z
    .union(
      [
        flag(),
        section({
          by: stickyPins().describe(
            'What users are told apart by: the first at once, each next when users are seen to leave the candidate.',
          ),
        }),
      ],
      { error: `true, false, or {by: [${STICKY_BY.join(', ')}]}` },
    )
    .optional()
    .describe('A user who was moved stays moved as weights rise; true: told apart by user, then by cookie.'),
  retry: section({
    max: count({ least: 0, most: 5 }).optional().describe('Automatic further tries of a step after its first failure.'),
    coolOff: duration().optional().describe('Wait before a retry.'),
    total: count({ least: 1, most: 20 }).optional().describe('Ramps that gate failures may cost one rollout.'),
  })
    .optional()
    .describe('What follows a gate failure.'),
  idle: section({
    then: choice(['hold', 'accept-on-probes', 'roll-back']).optional().describe('What a service without user traffic does.'),
  })
    .optional()
    .describe('Without traffic there is no evidence.'),
  limits: section({
    approval: limit().describe('Longest wait for an approval.'),
    pause: limit().describe('Longest pause.'),
    inconclusive: limit().describe('Longest wait for a human at an inconclusive step.'),
    idle: limit().describe('Longest hold without traffic.'),
    blind: limit().describe('Longest hold without metrics.'),
    foreignRoute: limit().describe('Longest hold while somebody else owns the route.'),
    schemaHold: limit().describe('Longest hold at 0 % after a schema incompatibility.'),
    frozen: limit().describe('Longest wait of a frozen rollout for a human.'),
  })
    .optional()
    .describe('After its limit a blocker rolls the rollout back.'),
  changeWindows: z
    .array(changeWindowSchema, { error: 'a list of {days, from, to}' })
    .max(50, { error: 'at most 50 windows' })
    .optional()
    .describe('When advancing is allowed; empty: always. Abort and rollback always work.'),
  warmUp: section({
    path: urlPath()
      .optional()
      .describe('Answers {"cache":"ok","model":"ok","secrets":"ok","vectors":"ok"}; absent: the warm path is not checked.'),
    hold: duration().optional().describe('Ready must hold this long before it counts.'),
    timeout: duration({ leastMs: 1_000 }).optional().describe('A candidate that is not ready by then is refused.'),
  })
    .optional()
    .describe('Before any user.'),
  probes: section({
    path: urlPath().optional().describe('Asked of the candidate at weight 0.'),
    count: count({ least: 20, most: 200 }).optional().describe('Judged requests.'),
    maxFailures: count({ least: 1, most: 200 }).optional().describe('This many 5xx among them end the rollout.'),
  })
    .optional()
    .describe('Pinned probes before any user.'),
  drain: section({
    min: duration().optional().describe('Least wait from the last route change.'),
    ceiling: duration({ leastMs: 1_000 }).optional().describe('Streams still open by then raise an alarm; nothing is killed.'),
  })
    .optional()
    .describe('The old revision after the last step.'),
  batch: section({
    pauseUpTo: weight({ leastBp: 0 }).optional().describe('Batch work is paused through the steps up to this weight.'),
    capPerPartition: count({ least: 1, most: 100_000 })
      .optional()
      .describe('Most jobs that run at once in one queue partition; absent: no cap.'),
  })
    .optional()
    .describe('Background work.'),
  keepStable: duration().optional().describe('How long the old revision is kept warm after a promotion.'),
};

export const settingsSchema = section(settingsShape);

/** In the units of the domain; whatever was not said is absent. */
type SettingsLayer = z.output<typeof settingsSchema>;

/** As a person writes it. */
export type WrittenSettings = z.input<typeof settingsSchema>;

type Complete<T> = T extends readonly unknown[] | string | number | boolean
  ? T
  : { [K in keyof T]-?: Complete<Exclude<T[K], undefined>> };

/** All layers together. Only a warm path, a cap and the gates that are off by default may be missing. */
export type Settings = Omit<Complete<SettingsLayer>, 'gates' | 'warmUp' | 'batch'> & {
  readonly gates: NonNullable<SettingsLayer['gates']>;
  readonly batch: Complete<Pick<NonNullable<SettingsLayer['batch']>, 'pauseUpTo'>> &
    Pick<NonNullable<SettingsLayer['batch']>, 'capPerPartition'>;
  readonly warmUp: Complete<Omit<NonNullable<SettingsLayer['warmUp']>, 'path'>> & { readonly path?: string | undefined };
};

export type StepSettings = Settings['steps'][number];
