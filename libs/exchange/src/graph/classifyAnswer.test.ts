import { describe, expect, test } from '@jest/globals';
import { CursorExpired } from '../errors.ts';
import { classifyAnswer, type RefusedAnswer, serviceCodesOf } from './classifyAnswer.ts';
import { errorTable } from './errorTable.ts';

const answer = (status: number, body: unknown, more: Partial<RefusedAnswer> = {}): RefusedAnswer => ({
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  requestId: 'rid-7',
  clientRequestId: 'cid-7',
  virus: false,
  retryAfterMs: undefined,
  what: 'reading a message',
  ...more,
});
const coded = (status: number, code: string, message = 'words') =>
  classifyAnswer(answer(status, { error: { code, message } }));

describe('the error table', () => {
  const rows = errorTable.flatMap((row) => (row.serviceCodes ?? []).map((code) => ({ code, row })));

  test.each(rows)('$code is found by its code in any case, whatever the status', ({ code, row }) => {
    const message = row.message === undefined ? 'words' : 'no such user here';
    const { error } = coded(400, code.toUpperCase(), message);
    expect(error).toMatchObject({ code: row.code, errorClass: row.errorClass });
    expect(error.remedy).toBeTruthy();
  });

  test('each row says what it means and what to do', () => {
    for (const row of errorTable) {
      expect(row.meaning).toMatch(/\.$/);
      expect(row.remedy.length).toBeGreaterThan(20);
      expect((row.serviceCodes ?? []).every((code) => code === code.toLowerCase())).toBe(true);
    }
  });

  test.each([
    [401, 'token-refused', 'new-token'],
    [403, 'access-denied', 'give-up'],
    [404, 'item-vanished', 'give-up'],
    [410, 'cursor-expired', 'give-up'],
    [413, 'message-too-large', 'give-up'],
    [429, 'throttled', 'pause'],
    [500, 'service-unavailable', 'repeat'],
    [503, 'service-unavailable', 'repeat'],
    [504, 'service-unavailable', 'repeat'],
    [509, 'throttled', 'pause'],
    [599, 'service-unavailable', 'repeat'],
    [418, 'request-refused', 'give-up'],
  ])('status %d with an empty body is %s', (status, code, reaction) => {
    const result = classifyAnswer(answer(status, ''));
    expect([result.error.code, result.reaction]).toEqual([code, reaction]);
  });

  test('the more specific code inside wins over the general one', () => {
    const body = {
      error: {
        code: 'ErrorInternalServerError',
        message: 'm',
        innererror: { code: '', innerError: { code: 'ErrorQuotaExceeded' } },
      },
    };
    expect(classifyAnswer(answer(500, body)).error.code).toBe('mailbox-full');
  });

  test('an inner code that nobody knows leaves the outer one', () => {
    const body = { error: { code: 'ApplicationThrottled', innerError: { code: '429' } } };
    expect(classifyAnswer(answer(429, body)).error.code).toBe('throttled');
  });

  test('corrupt data is permanent although the status is 500, after a few tries', () => {
    const result = coded(500, 'ErrorCorruptData', 'Data is corrupt., Invalid global object ID');
    expect(result).toMatchObject({ reaction: 'repeat-few', outage: false });
    expect(result.error.errorClass).toBe('permanent-item');
  });

  test('ResourceNotFound means the user or the mailbox, by its message', () => {
    expect(coded(404, 'ResourceNotFound', "User 'x' not found").error.code).toBe('user-not-found');
    expect(coded(404, 'ResourceNotFound', 'Mailbox gone').error.code).toBe('no-cloud-mailbox');
  });

  test('expired cursors come as their own class, also where only the message tells', () => {
    expect(coded(400, 'syncstatenotfound').error).toBeInstanceOf(CursorExpired);
    expect(
      coded(400, 'BadRequest', "Parameter 'DeltaToken' not supported for this request.").error,
    ).toBeInstanceOf(CursorExpired);
  });

  test('a header says malware', () => {
    expect(classifyAnswer(answer(403, '', { virus: true })).error.code).toBe('item-malware');
  });

  test('a lapsed tenant is no missing permission', () => {
    const message = 'The subscription within the tenant has lapsed.';
    expect(coded(403, 'accessDenied', message).error.code).toBe('tenant-lapsed');
  });

  test('the message names status, code and request id; a page of a proxy does not get in the way', () => {
    const { error } = classifyAnswer(answer(502, '<html>bad gateway</html>'));
    expect(error.message).toContain('status 502, request rid-7');
    expect(coded(404, 'ErrorItemNotFound').error.message).toContain(
      'status 404 ErrorItemNotFound, request rid-7',
    );
  });

  test('without a request id of the service, ours is named', () => {
    expect(classifyAnswer(answer(500, '', { requestId: undefined })).error.message).toContain('cid-7');
  });

  test('errors without an error object and with odd casing are read', () => {
    expect(serviceCodesOf('{"Message":"Invalid import session."}').message).toBe('Invalid import session.');
    expect(serviceCodesOf('{"Error":{"Code":"X","Message":"y"}}')).toEqual({ codes: ['X'], message: 'y' });
  });

  test('nesting without end is cut off', () => {
    const deep = `{"error":${'{"code":"a","innerError":'.repeat(500)}{}${'}'.repeat(500)}}`;
    expect(serviceCodesOf(deep).codes.length).toBeLessThanOrEqual(8);
  });
});

describe('what counts as an outage', () => {
  test('502, 503 and 504 do; a service that names its own pause is only busy', () => {
    expect([502, 503, 504].map((status) => classifyAnswer(answer(status, '')).outage)).toEqual([
      true,
      true,
      true,
    ]);
    const busy = classifyAnswer(answer(503, '', { retryAfterMs: 2_000 }));
    expect(busy).toMatchObject({ outage: false, reaction: 'pause', retryAfterMs: 2_000 });
  });

  test('500, 404 and 429 do not: they are about one thing', () => {
    expect([500, 404, 429].map((status) => classifyAnswer(answer(status, '')).outage)).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('after 500, 502 and 504 nobody knows whether it was done; after 429 and 503 it was not', () => {
    const unknown = [500, 502, 504, 429, 503].map(
      (status) => classifyAnswer(answer(status, '')).outcomeUnknown,
    );
    expect(unknown).toEqual([true, true, true, false, false]);
  });
});
