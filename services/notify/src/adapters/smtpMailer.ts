import { type ErrorFacts, HoldfastError } from '@holdfast/contracts';
import type { Sealer } from '@holdfast/store';
import { createTransport } from 'nodemailer';
import type { Mailer, MailMessage, MailResult, MailSettings } from '../ports.ts';
import type { MailTokens } from './mailTokens.ts';
import { explainSmtpError, type SmtpFailure } from './smtpErrors.ts';

export interface SmtpMailerOptions {
  sealer: Pick<Sealer, 'open'>;
  tokens: MailTokens;
  /** PEM certificates of all authorities to trust; the usual ones when absent. */
  extraAuthorities?: string | undefined;
  /** Silence of the server after which a step has failed, ms. */
  silenceMs?: number;
  /** A message not sent within this time is broken off, ms. */
  limitMs: number;
}

const passwordContext = 'settings:mail';

/** Sends messages with nodemailer, one connection a message: reports are few. */
export function createSmtpMailer(options: SmtpMailerOptions): Mailer {
  return {
    async send(settings, message) {
      try {
        const transport = await openTransport(settings, options);
        const signal = AbortSignal.timeout(options.limitMs);
        try {
          return answered(message, await transport.sendMail({ ...mailOf(message), signal }));
        } finally {
          transport.close();
        }
      } catch (error) {
        return failed(message, error as SmtpFailure, settings);
      }
    },
  };
}

async function openTransport(settings: MailSettings, options: SmtpMailerOptions) {
  const { host, port, security } = settings;
  const { extraAuthorities, silenceMs = 30_000 } = options;
  const signIn = await signInOf(settings, options);
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(signIn === undefined ? {} : { auth: signIn.auth }),
    tls: { minVersion: 'TLSv1.2', ...(extraAuthorities === undefined ? {} : { ca: extraAuthorities }) },
    connectionTimeout: silenceMs,
    greetingTimeout: silenceMs,
    socketTimeout: silenceMs,
    // What a message says must never make this process read a file or fetch an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  if (signIn?.renew !== undefined) transport.set('oauth2_provision_cb', signIn.renew);
  return transport;
}

type Renewed = (error: Error | null, token?: string) => void;

/** The token is fetched before the connection is opened, so that what Entra says is told in its own words. */
async function signInOf(
  { user, oauth, sealedPassword }: MailSettings,
  { sealer, tokens }: SmtpMailerOptions,
) {
  if (user === undefined) return undefined;
  if (oauth === undefined) {
    const pass = sealedPassword === undefined ? '' : sealer.open(sealedPassword, passwordContext);
    return { auth: { user, pass } };
  }
  const source = tokens(oauth);
  const accessToken = await source.token();
  return {
    auth: { type: 'OAuth2' as const, user, accessToken },
    // A token may be refused before its end, such as one that was given before a permission was granted.
    renew: (_user: string, _isRefused: boolean, done: Renewed): void => {
      source.renew(accessToken).then((token) => done(null, token), done);
    },
  };
}

function mailOf(message: MailMessage) {
  const { from, to, subject, messageId, text, html, attachments } = message;
  return {
    from: { name: 'Holdfast', address: from },
    to: [...to],
    subject,
    messageId,
    text,
    html,
    attachments: attachments.map((attachment) => ({ ...attachment })),
    // RFC 3834: no out-of-office answers to reports.
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  };
}

interface SentInfo {
  accepted?: readonly (string | { address: string })[] | undefined;
  rejectedErrors?: readonly SmtpFailure[] | undefined;
}

function answered(message: MailMessage, info: SentInfo): MailResult {
  const accepted = new Set(
    (info.accepted ?? []).map((one) => (typeof one === 'string' ? one : one.address).toLowerCase()),
  );
  return {
    kind: 'answered',
    accepted: message.to.filter((recipient) => accepted.has(recipient.toLowerCase())),
    refused: refusals(message, info.rejectedErrors ?? []),
  };
}

function refusals(message: MailMessage, errors: readonly SmtpFailure[]) {
  return errors.flatMap((error) => {
    const recipient = message.to.find((one) => one.toLowerCase() === error.recipient?.toLowerCase());
    if (recipient === undefined) return [];
    const reason = error.response ?? error.message;
    return [{ recipient, reason, isPermanent: (error.responseCode ?? 0) >= 500 }];
  });
}

/** When every recipient was refused, each has an answer of its own, some perhaps "later". */
function failed(message: MailMessage, error: SmtpFailure, settings: MailSettings): MailResult {
  const refused = refusals(message, error.rejectedErrors ?? []);
  if (refused.length > 0) return { kind: 'answered', accepted: [], refused };
  if (error instanceof HoldfastError) {
    const { code, errorClass, message: words, remedy } = error;
    return {
      kind: 'failed',
      error: { code, errorClass, message: words, remedy } satisfies ErrorFacts,
      isPermanent: false,
    };
  }
  return { kind: 'failed', ...explainSmtpError(error, settings) };
}
