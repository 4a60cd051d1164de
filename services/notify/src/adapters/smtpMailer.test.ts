import { HoldfastError } from '@holdfast/contracts';
import { createSealer } from '@holdfast/store';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { MailMessage, MailResult, MailSettings } from '../ports.ts';
import {
  type MailServer,
  type MailServerOptions,
  makeCertificate,
  startMailServer,
} from '../testing/mailServer.ts';
import { noTokens } from '../testing/noTokens.ts';
import { sampleMail } from '../testing/samples.ts';
import type { MailTokens } from './mailTokens.ts';
import { readAuthorities } from './readAuthorities.ts';
import { createSmtpMailer } from './smtpMailer.ts';

const sealer = createSealer({ keys: [{ id: 'k1', key: Buffer.alloc(32, 7) }] });
let server: MailServer;
let certificate: { key: string; cert: string };

beforeAll(async () => {
  certificate = await makeCertificate();
});
afterEach(() => server.stop());

const message: MailMessage = {
  from: 'backup@contoso.example',
  to: ['a@contoso.example', 'b@contoso.example'],
  subject: '[Holdfast] SUCCESS: Nächtlich: 1 of 1 mailbox - 2026-11-22 02:10',
  messageId: '<run-report.run-1@contoso.example>',
  text: 'All is well.\n',
  html: '<p>All is well.</p>',
  attachments: [],
};

async function send(
  options: MailServerOptions,
  more: {
    settings?: Partial<MailSettings>;
    message?: Partial<MailMessage>;
    ca?: string;
    limitMs?: number;
    tokens?: MailTokens;
  } = {},
  prepare?: (server: MailServer) => void,
): Promise<MailResult> {
  server = await startMailServer(options);
  prepare?.(server);
  const { limitMs = 50_000, ca, tokens = noTokens } = more;
  const mailer = createSmtpMailer({ sealer, tokens, extraAuthorities: ca, limitMs });
  const settings = sampleMail({
    ...{ port: server.port, security: options.security ?? 'none', from: message.from },
    ...more.settings,
  });
  return mailer.send(settings, { ...message, ...more.message });
}

const failureOf = (result: MailResult) =>
  result.kind === 'failed' ? { ...result.error, final: result.isPermanent } : result;

describe('a message that is taken', () => {
  test('arrives as text and HTML, with its Message-ID and marked as written by a program', async () => {
    expect(await send({})).toEqual({ kind: 'answered', accepted: message.to, refused: [] });
    const [received] = server.received;
    expect(received?.to).toEqual(message.to);
    expect(received?.mail).toMatchObject({
      subject: message.subject,
      messageId: message.messageId,
      from: { address: 'backup@contoso.example', name: 'Holdfast' },
      text: expect.stringMatching(/^All is well\.\s*$/),
      attachments: [],
    });
    expect(received?.mail.html).toContain('<p>All is well.</p>');
    expect(received?.raw).toMatch(/^Auto-Submitted: auto-generated\r$/m);
  });

  test('brings its CSV file whole', async () => {
    const content = `\ufeff"mailbox"\r\n${'"käse@contoso.example"\r\n'.repeat(5000)}`;
    await send(
      {},
      {
        message: {
          attachments: [{ filename: 'run-1.csv', contentType: 'text/csv; charset=utf-8', content }],
        },
      },
    );
    const [attachment] = server.received[0]?.mail.attachments ?? [];
    expect(attachment?.filename).toBe('run-1.csv');
    expect(attachment?.mimeType).toBe('text/csv');
    const bytes = attachment?.content as ArrayBuffer;
    // The decoder would drop the mark that spreadsheets look for.
    expect(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)).toBe(content);
  });

  test('with a line break in the subject gains no header', async () => {
    await send({}, { message: { subject: 'Nightly\r\nBcc: everybody@contoso.example\r\n\r\nbody' } });
    const [received] = server.received;
    expect(received?.to).toEqual(message.to);
    expect(received?.mail.headers.some(({ key }) => key === 'bcc')).toBe(false);
  });

  test('reads no file and fetches no address, whatever the content looks like', async () => {
    await send({}, { message: { html: '<img src="file:///etc/hostname">', text: 'file:///etc/hostname' } });
    expect(server.received[0]?.mail.attachments).toEqual([]);
    expect(server.received[0]?.mail.html).toContain('file:///etc/hostname');
  });
});

describe('recipients', () => {
  test('one refused for good: the others have the message', async () => {
    const result = await send({}, {}, (it) => {
      it.behaviour = {
        refuseRecipient: (to) => (to.startsWith('b') ? { code: 550, text: 'no such user' } : undefined),
      };
    });
    expect(result).toMatchObject({
      kind: 'answered',
      accepted: ['a@contoso.example'],
      refused: [{ recipient: 'b@contoso.example', isPermanent: true }],
    });
    expect(server.received[0]?.to).toEqual(['a@contoso.example']);
  });

  test('all refused, one of them only for now', async () => {
    const result = await send({}, {}, (it) => {
      it.behaviour = { refuseRecipient: (to) => ({ code: to.startsWith('a') ? 451 : 550, text: 'not now' }) };
    });
    expect(result).toMatchObject({
      kind: 'answered',
      accepted: [],
      refused: [
        { recipient: 'a@contoso.example', isPermanent: false, reason: expect.stringContaining('451') },
        { recipient: 'b@contoso.example', isPermanent: true },
      ],
    });
  });
});

describe('a server that does not take the message', () => {
  test('refuses it for good: final', async () => {
    const result = await send({}, {}, (it) => {
      it.behaviour = { refuseMessage: () => ({ code: 554, text: 'looks like spam' }) };
    });
    expect(failureOf(result)).toMatchObject({
      code: 'mail-refused',
      final: true,
      message: expect.stringContaining('looks like spam'),
    });
  });

  test('asks to try later: not final', async () => {
    const result = await send({}, {}, (it) => {
      it.behaviour = { refuseMessage: () => ({ code: 451, text: 'busy' }) };
    });
    expect(failureOf(result)).toMatchObject({
      code: 'mail-unreachable',
      errorClass: 'transient',
      final: false,
    });
  });

  test('drops the connection in the middle of the message: not final', async () => {
    const result = await send({}, { message: { text: 'x'.repeat(300_000) } }, (it) => {
      it.behaviour = { dropInData: () => true };
    });
    expect(failureOf(result)).toMatchObject({ code: 'mail-unreachable', final: false });
    expect(server.received).toEqual([]);
  });

  test('never answers: broken off at the limit', async () => {
    const result = await send({}, { limitMs: 300 }, (it) => {
      it.behaviour = { hangAfterData: () => true };
    });
    expect(failureOf(result)).toMatchObject({ errorClass: 'transient', final: false });
  });

  test('is not there: says where and what to check', async () => {
    const result = await send({}, { settings: { port: 1 } });
    expect(failureOf(result)).toMatchObject({
      code: 'mail-unreachable',
      message: expect.stringContaining('127.0.0.1:1'),
      remedy: expect.stringContaining('host and port'),
      final: false,
    });
  });
});

describe('a secure connection', () => {
  test.each(['starttls', 'tls'] as const)('%s with a certificate of a named authority', async (security) => {
    const result = await send({ security, certificate }, { ca: certificate.cert });
    expect(result).toMatchObject({ kind: 'answered', accepted: message.to });
    expect(server.received[0]?.isSecure).toBe(true);
  });

  test.each(['starttls', 'tls'] as const)(
    '%s with a certificate of nobody known is refused',
    async (security) => {
      const result = await send({ security, certificate });
      expect(failureOf(result)).toMatchObject({
        code: 'mail-tls',
        errorClass: 'configuration',
        final: false,
      });
      expect(server.received).toEqual([]);
    },
  );

  test('a server without STARTTLS gets nothing in the clear', async () => {
    const result = await send({ security: 'none' }, { settings: { security: 'starttls' } });
    expect(failureOf(result)).toMatchObject({ code: 'mail-tls', final: false });
    expect(server.received).toEqual([]);
  });

  test('TLS spoken to a port that does not: the setting is named', async () => {
    const result = await send({ security: 'none' }, { settings: { security: 'tls' } });
    expect(failureOf(result)).toMatchObject({
      code: 'mail-tls',
      remedy: expect.stringContaining('security setting'),
    });
  });
});

describe('signing in', () => {
  const sign = { user: 'holdfast', password: 'correct horse' };
  const signed = (password: string): { settings: Partial<MailSettings> } => ({
    settings: { user: 'holdfast', sealedPassword: sealer.seal(password, 'settings:mail') },
  });

  test('with the sealed password', async () => {
    const result = await send(
      { sign, security: 'starttls', certificate },
      { ...signed('correct horse'), ca: certificate.cert },
    );
    expect(result.kind).toBe('answered');
    expect(server.received[0]?.user).toBe('holdfast');
  });

  test('with a wrong one: the error names the setting and not the password', async () => {
    const result = await send(
      { sign, security: 'starttls', certificate },
      { ...signed('wrong battery'), ca: certificate.cert },
    );
    expect(failureOf(result)).toMatchObject({
      code: 'mail-sign-in',
      errorClass: 'configuration',
      final: false,
    });
    expect(JSON.stringify(result)).not.toContain('battery');
  });

  test('with a password sealed by a key that is gone: says so, and may be tried again', async () => {
    const other = createSealer({ keys: [{ id: 'k2', key: Buffer.alloc(32, 9) }] });
    const result = await send(
      {},
      { settings: { user: 'u', sealedPassword: other.seal('x', 'settings:mail') } },
    );
    expect(result).toMatchObject({
      kind: 'failed',
      isPermanent: false,
      error: { remedy: expect.any(String) },
    });
  });
});

describe('signing in with a token of an application', () => {
  const user = 'backup@contoso.example';
  const settings: Partial<MailSettings> = {
    user,
    oauth: { cloud: 'global', tenantId: 't', clientId: 'c', sealedClientSecret: 'sealed' },
  };
  /** Gives `first` until it was refused. */
  const tokensOf = (first: string, second = first) => {
    const asked: string[] = [];
    const tokens: MailTokens = () => ({
      token: async () => first,
      async renew(refused) {
        asked.push(refused);
        return second;
      },
    });
    return { tokens, asked };
  };
  const sign = { user, token: 'good-token' };

  test('sends as the mailbox of the user', async () => {
    const { tokens, asked } = tokensOf('good-token');
    const secure = { security: 'starttls' as const, certificate };
    const result = await send({ sign, ...secure }, { settings, tokens, ca: certificate.cert });
    expect(result).toEqual({ kind: 'answered', accepted: message.to, refused: [] });
    expect(server.received[0]).toMatchObject({ user, isSecure: true });
    expect(asked).toEqual([]);
  });

  test('asks once for another one when it is refused', async () => {
    const { tokens, asked } = tokensOf('old-token', 'good-token');
    expect(await send({ sign }, { settings, tokens })).toMatchObject({ kind: 'answered' });
    expect(asked).toEqual(['old-token']);
  });

  test('says what the mailbox and the application need when none is taken, and does not show it', async () => {
    const { tokens } = tokensOf('stolen-token', 'other-token');
    const result = await send({ sign }, { settings, tokens });
    expect(failureOf(result)).toMatchObject({
      code: 'mail-sign-in',
      errorClass: 'configuration',
      remedy: expect.stringMatching(/SMTP\.SendAsApp.*backup@contoso\.example/),
      final: false,
    });
    expect(JSON.stringify(result)).not.toMatch(/stolen|other-token/);
    expect(server.received).toEqual([]);
  });

  test('without a token: what Microsoft Entra says comes through, and the server is not called', async () => {
    const refusal = new HoldfastError('client-secret-expired', 'configuration', 'The secret has expired.', {
      remedy: 'Make a new one.',
    });
    const tokens: MailTokens = () => ({
      token: () => Promise.reject(refusal),
      renew: () => Promise.reject(refusal),
    });
    const result = await send({ sign }, { settings, tokens });
    expect(failureOf(result)).toMatchObject({
      code: 'client-secret-expired',
      remedy: 'Make a new one.',
      final: false,
    });
  });
});

test('a file of authorities that is not there is a wrong setting', async () => {
  server = await startMailServer();
  expect(await readAuthorities('HOLDFAST_MAIL_CA_FILE', undefined)).toBeUndefined();
  await expect(readAuthorities('HOLDFAST_MAIL_CA_FILE', '/nowhere/ca.pem')).rejects.toMatchObject({
    code: 'authorities-file',
    errorClass: 'configuration',
  });
});
