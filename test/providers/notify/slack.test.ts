import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageOf, slackNotifier } from '../../../src/providers/notify/slack.js';
import { httpService } from '../capacity/http-service.js';

const NOTICE = {
  title: 'answer-api: frozen',
  text: 'USERS ARE SAFE: router read back 0 %.\nWhy: 5xx <12 & more>',
  severity: 'page' as const,
  rollout: 'rollout/test/answer-api',
};

test('the page says what holds, what to do and what not to press', async (t) => {
  const { url, asked, close } = await httpService(() => ({ body: 'ok' }));
  t.after(close);
  await slackNotifier({ url: `${url}/services/T0/B0/s3cr3t` }).send(NOTICE, 'ignored');
  const body = asked[0]?.body ?? '';
  assert.deepEqual(JSON.parse(body), messageOf(NOTICE));
  for (const expected of [
    'Needs you: answer-api: frozen',
    'USERS ARE SAFE',
    '&lt;12 &amp; more&gt;',
    'sluice abort answer-api --env test',
    'Request Cancellation',
    'Do not press *Terminate*',
  ]) {
    assert.ok(body.includes(expected), expected);
  }
});

test('good news asks nobody to do anything', () => {
  const text = JSON.stringify(messageOf({ ...NOTICE, severity: 'info' }));
  assert.match(text, /sluice status answer-api --env test/);
  assert.doesNotMatch(text, /abort/);
});

test('a long text is cut to what Slack takes', () => {
  const { blocks } = messageOf({ ...NOTICE, title: 't'.repeat(500), text: 'x'.repeat(5_000) }) as {
    blocks: { text?: { text: string } }[];
  };
  assert.equal(blocks[0]?.text?.text.length, 150);
  assert.equal(blocks[1]?.text?.text.length, 3_000);
});

test('its address is the credential and never stands in an error', async (t) => {
  const { url, close } = await httpService(() => ({ status: 403, body: 'invalid_token' }));
  t.after(close);
  await assert.rejects(slackNotifier({ url: `${url}/services/T0/B0/s3cr3t` }).send(NOTICE, 'id'), (error) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, /Slack incoming webhook: POST answered 403: invalid_token/);
    assert.doesNotMatch(error.message, /s3cr3t|127/);
    return true;
  });
});
