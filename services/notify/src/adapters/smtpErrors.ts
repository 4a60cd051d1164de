import type { ErrorFacts } from '@holdfast/contracts';
import type { MailSettings } from '../ports.ts';

/** An error of nodemailer, as far as it matters here. */
export interface SmtpFailure extends Error {
  code?: string | undefined;
  /** What was being done, such as `CONN`, `MAIL FROM`, `DATA`. */
  command?: string | undefined;
  response?: string | undefined;
  responseCode?: number | undefined;
  recipient?: string | undefined;
  rejectedErrors?: readonly SmtpFailure[] | undefined;
}

export interface Explained {
  error: ErrorFacts;
  /** Trying the same again cannot help, whatever is changed in the settings. */
  isPermanent: boolean;
}

const later = 'The message is tried again with growing pauses for a day.';

const passwordRemedy =
  'Check user and password in the mail settings. Microsoft 365 does not take passwords any more: sign in with an application there ("oauth").';
const tokenRemedy = (user: string | undefined): string =>
  `Check that the application has the permission SMTP.SendAsApp of Office 365 Exchange Online with admin consent, that it is known in Exchange Online (New-ServicePrincipal) and has full access to ${user ?? 'the mailbox'} (Add-MailboxPermission), and that SMTP AUTH is not switched off for that mailbox.`;

/**
 * What a failed try means and what the user can do. Only a server that refuses the message itself (5xx after DATA)
 * is final: every other refusal may go away when a person corrects the settings or the server.
 */
export function explainSmtpError(
  failure: SmtpFailure,
  settings: Pick<MailSettings, 'host' | 'port' | 'security' | 'user' | 'oauth'>,
): Explained {
  const where = `${settings.host}:${settings.port}`;
  const said = failure.response ?? failure.message;
  const responseCode = failure.responseCode ?? 0;
  if (failure.code === 'EAUTH' || responseCode === 530 || responseCode === 535) {
    return configuration(
      'mail-sign-in',
      `the mail server ${where} refused the sign-in: ${said}`,
      settings.oauth === undefined ? passwordRemedy : tokenRemedy(settings.user),
    );
  }
  if (isTlsFailure(failure)) {
    const remedy =
      'Check the security setting (none, starttls or tls) and the port, and that the server has a certificate of a trusted authority for this host name; name an authority of your own with HOLDFAST_MAIL_CA_FILE.';
    return configuration('mail-tls', `no secure connection to the mail server ${where}: ${said}`, remedy);
  }
  if (failure.code === 'EDNS' || failure.code === 'ENOTFOUND') {
    return configuration(
      'mail-host',
      `the mail server ${settings.host} is unknown: ${said}`,
      'Check the host name in the mail settings.',
    );
  }
  if (responseCode >= 500) {
    const isPermanent = failure.code === 'EMESSAGE';
    const what = isPermanent ? 'refused the message' : `refused ${failure.command ?? 'the message'}`;
    return {
      error: {
        code: 'mail-refused',
        errorClass: isPermanent ? 'permanent-item' : 'configuration',
        message: `the mail server ${where} ${what}: ${said}`,
        remedy: 'Ask the administrator of the mail server, with this answer of it.',
      },
      isPermanent,
    };
  }
  const message =
    responseCode >= 400
      ? `the mail server ${where} asks to try again later: ${said}`
      : `the mail server ${where} cannot be reached: ${said}`;
  const remedy =
    responseCode >= 400 ? later : `${later} Check that the server runs and that host and port are right.`;
  return {
    error: { code: 'mail-unreachable', errorClass: 'transient', message, remedy },
    isPermanent: false,
  };
}

function configuration(code: string, message: string, remedy: string): Explained {
  return { error: { code, errorClass: 'configuration', message, remedy }, isPermanent: false };
}

function isTlsFailure(failure: SmtpFailure): boolean {
  if (failure.code === 'ETLS') return true;
  return /certificate|self.signed|SSL|TLS|wrong version number/i.test(
    `${failure.code ?? ''} ${failure.message}`,
  );
}
