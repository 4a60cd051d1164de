import { expect, test } from '@jest/globals';
import { secretText, signatureHeaders } from './signature.ts';

// The example of the Standard Webhooks specification, as its reference libraries test it.
test('signs as the published example of Standard Webhooks does', () => {
  const headers = signatureHeaders(
    { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}', timestampSeconds: 1614265330 },
    ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  );
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('while a secret is being changed there is one signature for each', () => {
  const secrets = [secretText(Buffer.alloc(32, 1)), secretText(Buffer.alloc(32, 2))];
  const both = signatureHeaders({ id: 'evt-1', body: '{}', timestampSeconds: 1 }, secrets);
  const [first, second] = (both['webhook-signature'] ?? '').split(' ');
  expect(first).toMatch(/^v1,.{44}$/);
  expect(second).toMatch(/^v1,.{44}$/);
  expect(first).not.toBe(second);
});
