/** Temporal's own UI, in a real browser: what a person sees there who has none of our tools. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { rolloutId, SEARCH_ATTRIBUTES, STATUS_QUERY } from '../../src/contract/names.js';
import type { RolloutStatus } from '../../src/contract/rollout.js';
import type { Outcome } from '../../src/domain/outcome.js';
import { until } from '../harness/until.js';
import { openBrowser, picture, whyNoBrowser } from './chromium.js';
import { TemporalUi } from './pages.js';
import { FROZEN, PROMOTED, ROLLED_BACK, WAITING, type Shown } from './rollouts.js';
import { openStand, type Stand } from './stand.js';

const SHOWN: readonly Shown[] = [PROMOTED, ROLLED_BACK, FROZEN, WAITING];
const ROLLOUTS = "WorkflowType = 'rollout'";
const idOf = ({ plan }: Shown): string => rolloutId(plan.target);

const missing = whyNoBrowser();
if (missing !== undefined) {
  console.error(`\nLEFT OUT: ${missing}\n`);
  if (process.env['SLUICE_LEAVE_NOTHING_OUT'] === '1') throw new Error(missing);
}

describe("Temporal's UI", { skip: missing ?? false }, () => {
  let stand: Stand;
  let page: Page;
  let ui: TemporalUi;
  /** What has been opened, the newest first. */
  const closing: (() => Promise<void>)[] = [];

  before(async () => {
    stand = await openStand();
    closing.unshift(stand.stop);
    for (const { plan, script } of SHOWN) await stand.begin(plan, script);
    await Promise.all([
      ended(PROMOTED),
      ended(ROLLED_BACK),
      until(async () => (await statusOf(FROZEN)).phase === 'frozen', { withinMs: 60_000, what: 'a frozen rollout' }),
      until(async () => (await statusOf(WAITING)).blockers.some(({ kind }) => kind === 'awaiting-approval'), {
        withinMs: 60_000,
        what: 'a rollout that waits for its approval',
      }),
    ]);
    const opened = await openBrowser();
    closing.unshift(() => opened.browser.close());
    ({ page } = opened);
    ui = new TemporalUi(page, stand.ui);
  });
  after(async () => {
    for (const close of closing) await close();
  });

  const handleOf = (shown: Shown) => stand.temporal.client.workflow.getHandle(idOf(shown));
  const statusOf = (shown: Shown): Promise<RolloutStatus> => handleOf(shown).query<RolloutStatus>(STATUS_QUERY);
  const ended = async (shown: Shown): Promise<Outcome> => (await handleOf(shown).result()) as Outcome;

  /** A picture of what was there instead, when a test fails. */
  const looking = (name: string, look: () => Promise<void>): void => {
    test(name, { timeout: 180_000 }, async () => {
      try {
        await look();
      } catch (error) {
        await picture(page, `failed-${name.replace(/\W+/g, '-')}`, 'scratch');
        throw error;
      }
    });
  };

  const seesSummary = async ({ plan: { target, candidate } }: Shown): Promise<void> => {
    await ui.summary.getByText(`${target.service} ${target.environment}: ${candidate.release} → ${candidate.id}`).waitFor();
  };

  looking('a list of rollouts shows release, phase, weight and outcome in columns of their own', async () => {
    await until(
      async () =>
        (await stand.temporal.client.workflow.count(`${SEARCH_ATTRIBUTES.outcome} = 'rolled-back'`)).count === 1 &&
        (await stand.temporal.client.workflow.count(`${SEARCH_ATTRIBUTES.phase} = 'frozen'`)).count === 1 &&
        (await stand.temporal.client.workflow.count(`${SEARCH_ATTRIBUTES.outcome} = 'promoted'`)).count === 1,
      { withinMs: 90_000, what: 'the search attributes to be searchable' },
    );
    await ui.openList(ROLLOUTS);
    const { release, phase, weight, outcome } = SEARCH_ATTRIBUTES;
    await ui.chooseColumns({ remove: ['Run ID', 'Type', 'Start', 'End'], add: [release, phase, weight, outcome] });
    await ui.row(idOf(PROMOTED)).filter({ hasText: 'promoted' }).filter({ hasText: '10000' }).waitFor();
    await ui.row(idOf(ROLLED_BACK)).filter({ hasText: 'rolled-back' }).filter({ hasText: 'closed' }).waitFor();
    await ui.row(idOf(FROZEN)).filter({ hasText: 'frozen' }).filter({ hasText: FROZEN.plan.candidate.release }).waitFor();
    await ui.row(idOf(WAITING)).filter({ hasText: 'soaking' }).filter({ hasText: '500' }).waitFor();
    await picture(page, 'list');
  });

  looking('a promoted rollout shows its headline, its steps in words, its timeline and its result', async () => {
    const { headline } = await ended(PROMOTED);
    assert.match(headline, /^PROMOTED · answer-api 9f3c1e/);
    await ui.openWorkflow(idOf(PROMOTED));
    await ui.seesJson('"outcome": "promoted"');
    await ui.seesJson(headline);
    // Newest first; rows out of sight are not rendered.
    await ui.sees('9f3c1e becomes stable');
    await ui.sees('to 100 % (step 5 of 5)');
    await picture(page, 'promoted');
    await ui.openTab('memo');
    await ui.seesJson(headline);
    await ui.openTab('user-metadata');
    await seesSummary(PROMOTED);
    await ui.details.getByText(headline).waitFor();
    await ui.details.getByText('step 5 of 5: 100 %').waitFor();
  });

  looking(
    'a rolled-back rollout says first that users are safe, and why it went back, though Temporal calls it completed',
    async () => {
      const { headline, cause } = await ended(ROLLED_BACK);
      await ui.openWorkflow(idOf(ROLLED_BACK));
      await ui.sees('Completed');
      await ui.seesJson('"outcome": "rolled-back"');
      await ui.seesJson(headline);
      await ui.sees('everybody back to blue (1a2b3c)');
      await ui.openTab('memo');
      await ui.seesJson(headline);
      await ui.openTab('user-metadata');
      await seesSummary(ROLLED_BACK);
      await ui.details.getByText(/^ROLLED BACK/).waitFor();
      await ui.details.getByText(/^USERS ARE SAFE: /).waitFor();
      await ui.details.getByText('Timeline', { exact: true }).waitFor();
      await ui.details.getByText(`rollback: ${cause}`).waitFor();
      await picture(page, 'rolled-back');
    },
  );

  looking('a frozen rollout says that users are safe and which signals end the wait', async () => {
    const { headline } = await statusOf(FROZEN);
    assert.match(headline, /^FROZEN at 25 %/);
    await ui.openWorkflow(idOf(FROZEN));
    await ui.openTab('memo');
    await ui.seesJson(headline);
    await ui.openTab('user-metadata');
    await seesSummary(FROZEN);
    await ui.details.getByText(headline).waitFor();
    await ui.details.getByText(/^USERS ARE SAFE: /).waitFor();
    await ui.details.getByText('Do', { exact: true }).waitFor();
    await ui.details.locator('code', { hasText: /^retry$/ }).waitFor();
    await ui.details.getByText('Do not press Terminate or Reset').waitFor();
    await ui.details.getByText('step 3 failed twice').waitFor();
    await picture(page, 'frozen');
  });

  looking('a rollout that waits for approval goes on when somebody sends the signal from this page', async () => {
    await ui.openWorkflow(idOf(WAITING));
    await ui.openTab('user-metadata');
    await ui.details.getByText('approval: 1 missing').waitFor();
    await ui.details.locator('code', { hasText: /^approve$/ }).waitFor();
    const dialog = await ui.startSignal('approve');
    await picture(page, 'approve-by-signal');
    await ui.submit(dialog);

    const outcome = await ended(WAITING);
    assert.equal(outcome.outcome, 'promoted');
    const approvals = outcome.timeline.filter(({ what }) => /^approved?\b/.test(what));
    assert.deepEqual(
      approvals.map(({ by }) => by),
      [{ name: 'unnamed sender', verified: false }],
    );
    await ui.openWorkflow(idOf(WAITING));
    await ui.seesJson('"outcome": "promoted"');
    await ui.openTab('user-metadata');
    await ui.details.getByText('unnamed sender (claimed): approve').waitFor();
  });
});
