import { describe, expect, test } from '@jest/globals';
import { addressListSchema, mailSettingsInputSchema } from './mailSettings.ts';

describe('recipients', () => {
  test.each([
    ['a@b.example', ['a@b.example']],
    ['a@b.example; c@d.example', ['a@b.example', 'c@d.example']],
    ['a@b.example,c@d.example;', ['a@b.example', 'c@d.example']],
    [
      ['a@b.example; c@d.example', 'e@f.example'],
      ['a@b.example', 'c@d.example', 'e@f.example'],
    ],
    [['A@b.example', 'a@B.example'], ['A@b.example']],
    ['', []],
    [[], []],
  ])('%j are %j', (given, list) => {
    expect(addressListSchema.parse(given)).toEqual(list);
  });

  test.each([
    ['nobody', [0], 'must be an e-mail address'],
    ['a@b.example; nobody', [1], 'must be an e-mail address'],
    [5, [], 'must be addresses: a list, or a text with "; " between them'],
    [['a@b.example', 7], [], 'must be addresses: a list, or a text with "; " between them'],
  ])('%j is refused', (given, path, message) => {
    expect(addressListSchema.safeParse(given).error?.issues).toMatchObject([{ path, message }]);
  });
});

describe('mail settings', () => {
  const good = {
    ...{ host: 'smtp.example', port: 25, security: 'none', from: 'a@b.example', recipients: 'c@d.example' },
  };
  test('have defaults: everything is reported, with details, at once', () => {
    expect(mailSettingsInputSchema.parse(good)).toEqual({
      ...good,
      recipients: ['c@d.example'],
      enabled: true,
      on: ['success', 'warning', 'failed', 'stopped'],
      attachDetails: true,
    });
  });

  test.each([
    ['a host with a scheme', { host: 'smtp://smtp.example' }, ['host']],
    ['a port that is none', { port: 0 }, ['port']],
    ['a digest time that is none', { digest: { time: '7:00', timeZone: 'UTC' } }, ['digest', 'time']],
    ['a zone that is none', { digest: { time: '07:00', timeZone: 'Mars/Base' } }, ['digest', 'timeZone']],
    ['an outcome that is none', { on: ['success', 'bad'] }, ['on', 1]],
    ['a subject with an unknown variable', { subject: '%JobNam%' }, ['subject']],
    ['a subject with a line break', { subject: 'a\r\nBcc: x@y.example' }, ['subject']],
  ])('with %s are refused by the name of the field', (_what, change, path) => {
    expect(mailSettingsInputSchema.safeParse({ ...good, ...change }).error?.issues).toMatchObject([{ path }]);
  });
});
