import type { AlertSettings, Webhook } from '@holdfast/contracts';
import type { Finding } from './finding.ts';

const minuteMs = 60_000;

/** Webhooks that take nothing, or were suspended for it. */
export function judgeWebhooks(
  webhooks: readonly Webhook[],
  settings: AlertSettings,
  nowMs: number,
): Finding[] {
  const limitMs = settings.webhookFailing.afterMinutes * minuteMs;
  return webhooks.flatMap((webhook): Finding[] => {
    const { id, name, enabled, failingSince, suspendedAt, lastError } = webhook;
    if (!enabled || failingSince === undefined) return [];
    if (suspendedAt === undefined && nowMs - new Date(failingSince).getTime() < limitMs) return [];
    const state = suspendedAt === undefined ? 'takes nothing' : 'took nothing for days and is suspended';
    return [
      {
        about: id,
        message: `Webhook "${name}" ${state}: ${lastError ?? 'no delivery succeeds'}.`,
        remedy:
          suspendedAt === undefined
            ? `Repair the receiver or the address; then holdfast webhook test ${id}. Events are tried again for 24 hours each.`
            : `Repair the receiver, then: holdfast webhook change ${id} --enable, and holdfast webhook replay ${id}.`,
        details: [],
        since: failingSince,
      },
    ];
  });
}
