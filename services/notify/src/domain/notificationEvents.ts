import { type HoldfastEvent, makeEvent, type Notification } from '@holdfast/contracts';

/** The event of a notification that has ended; undefined for one that was suppressed or is still pending. */
export function notificationEvent(notification: Notification, nowIso: string): HoldfastEvent | undefined {
  const { id, kind, refersTo } = notification;
  const about = { source: 'notify', subject: id, key: id, time: notification.sentAt ?? nowIso };
  const data = { notificationId: id, kind, refersTo };
  if (notification.state === 'sent') {
    const recipients = notification.delivered?.length ?? notification.recipients.length;
    return makeEvent('notification.sent', { ...about, data: { ...data, recipients } });
  }
  if (notification.state !== 'failed') return undefined;
  const unknown = {
    code: 'not-sent',
    errorClass: 'transient',
    message: 'the message could not be sent',
  } as const;
  return makeEvent('notification.failed', {
    ...about,
    data: { ...data, error: notification.error ?? unknown },
  });
}
