import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { sign, webhookNotifier } from '../../../src/providers/notify/webhook.js';
import { httpService } from '../capacity/http-service.js';

const NOTICE = {
  title: 'answer-api: rolled back',
  text: '5xx: candidate 12 of 400',
  severity: 'page' as const,
  rollout: 'rollout/test/answer-api',
};
const AT = 1_800_000_000_123;

test('a receiver can check who sent it and when, over the very bytes it got', async (t) => {
  const { url, asked, close } = await httpService(() => ({}));
  t.after(close);
  await webhookNotifier({ url: `${url}/hook?tenant=1`, hmacSecret: 's3cr3t' }, { now: () => AT }).send(
    NOTICE,
    'rollout/test/answer-api/notify/3',
  );
  const [got] = asked;
  assert.ok(got);
  assert.equal(got.path, '/hook?tenant=1');
  assert.equal(got.headers['webhook-id'], 'rollout/test/answer-api/notify/3');
  assert.equal(got.headers['webhook-timestamp'], '1800000000');
  const expected = createHmac('sha256', 's3cr3t')
    .update(`rollout/test/answer-api/notify/3.1800000000.${got.body}`)
    .digest('base64');
  assert.equal(got.headers['webhook-signature'], `v1,${expected}`);
  assert.deepEqual(JSON.parse(got.body), { type: 'sluice.notice', timestamp: '2027-01-15T08:00:00.123Z', data: NOTICE });
});

test('the vector of the Standard Webhooks specification is signed as it says', () => {
  const signature = sign(
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    '1614265330',
    '{"test": 2432232314}',
  );
  assert.equal(signature, 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('a second try bears the same id, so that the receiver can drop it', async (t) => {
  const { url, asked, close } = await httpService(() => ({ status: asked.length === 1 ? 500 : 200 }));
  t.after(close);
  const notifier = webhookNotifier({ url });
  await assert.rejects(notifier.send(NOTICE, 'id 1\n'), /answered 500/);
  await notifier.send(NOTICE, 'id 1\n');
  assert.deepEqual(
    asked.map(({ headers }) => headers['webhook-id']),
    ['id_1_', 'id_1_'],
  );
  assert.equal(asked[0]?.headers['webhook-signature'], undefined, 'without a secret nothing is signed');
});

test('what its query holds never stands in an error', async (t) => {
  const { url, close } = await httpService(() => ({ status: 404 }));
  t.after(close);
  await assert.rejects(
    webhookNotifier({ url: `${url}/hook?token=s3cr3t` }).send(NOTICE, 'id'),
    (error) => error instanceof Error && !error.message.includes('s3cr3t'),
  );
});
