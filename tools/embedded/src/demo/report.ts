import type { Email } from 'postal-mime';
import type { MailServer } from '../mailServer.ts';

/** Waits until a mail has arrived whose subject holds the words. Undefined after the limit. */
export async function waitForMail(
  server: MailServer,
  words: string,
  limitMs: number,
): Promise<Email | undefined> {
  const until = performance.now() + limitMs;
  for (;;) {
    const found = server.received.find((mail) => mail.subject?.includes(words));
    if (found !== undefined || performance.now() > until) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
