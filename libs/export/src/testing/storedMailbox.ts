import type { Repository } from '@holdfast/repository';
import { pointInput } from '@holdfast/repository/testing';

export interface Mail {
  folder: string;
  key: string;
  /** ms since 1970. */
  time: number;
  subject: string;
  from: string;
  mime: Uint8Array;
  hasAttachments?: boolean;
}

/** A plain message of some lines. */
export function plainMail(
  n: number,
  folder = 'inbox',
  text = `Body of message ${n}\r\nFrom the line of it\r\n`,
): Mail {
  const subject = `Subject ${n}`;
  const from = `sender${n % 7}@example.com`;
  const mime = Buffer.from(`From: ${from}\r\nSubject: ${subject}\r\n\r\n${text}`);
  return { folder, key: `key-${n}`, time: Date.UTC(2026, 0, 1) + n * 60_000, subject, from, mime };
}

/** Stores mail of one mailbox as a complete restore point. Folders `id: path`; a path's parent comes first. */
export async function storeMailbox(
  repository: Repository,
  folders: Readonly<Record<string, { name: string; parentId?: string; role?: string }>>,
  mail: readonly Mail[],
  point: { pointId?: string; address?: string; identity?: string; time?: string } = {},
): Promise<{ pointId: string; root: string }> {
  const session = await repository.openSession({ writer: 'test' });
  try {
    const tree = await session.openTree();
    for (const [id, { name, parentId, role }] of Object.entries(folders)) {
      await tree.putFolder({ id, parentId: parentId ?? null, name, role });
    }
    for (const { folder, from, hasAttachments, key, mime, subject, time } of mail) {
      const { objectId, mimeSize } = await session.storeItem({ properties: { subject }, mime });
      const summary = { subject, from, hasAttachments: hasAttachments === true };
      await tree.putItem(folder, {
        key,
        time,
        objectId,
        changeKey: '1',
        size: mimeSize,
        state: { isRead: true },
        summary,
      });
    }
    const { root } = await tree.commit();
    await session.flush();
    const pointId = point.pointId ?? 'aa00000000000001';
    await session.commitPoint(
      pointInput({
        pointId,
        root,
        ...(point.address === undefined ? {} : { mailboxAddress: point.address }),
        ...(point.identity === undefined ? {} : { mailboxIdentity: point.identity }),
        ...(point.time === undefined ? {} : { time: point.time }),
        counts: {
          ...{ reported: mail.length, stored: mail.length, folders: Object.keys(folders).length },
          ...{ new: mail.length, changed: 0, removed: 0, bytes: 0 },
        },
      }),
    );
    return { pointId, root };
  } finally {
    await session.close();
  }
}
