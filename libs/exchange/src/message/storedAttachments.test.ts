import { expect, test } from '@jest/globals';
import { attachmentRecord, type StoredAttachment, storedAttachmentsOf } from './storedAttachments.ts';

test('what is recorded is read again as it was', () => {
  const attachments: StoredAttachment[] = [
    {
      kind: 'file',
      name: 'a.pdf',
      contentType: 'application/pdf',
      size: 9,
      isInline: true,
      contentId: 'x',
      bytes: { source: 'mime', partPath: '2.1' },
    },
    {
      kind: 'item',
      name: 'fwd',
      size: 3,
      isInline: false,
      itemProperties: { subject: 's' },
      bytes: { source: 'extra', name: 'attachment-2' },
    },
    {
      kind: 'reference',
      name: 'link',
      size: 0,
      isInline: false,
      bytes: { source: 'none', reason: 'It is a link.' },
    },
  ];
  const properties = JSON.parse(JSON.stringify({ attachments: attachments.map(attachmentRecord) }));
  expect(storedAttachmentsOf(properties)).toEqual(attachments);
});

test('a message without attachments has none, and a record of a later version is read as far as it goes', () => {
  expect(storedAttachmentsOf({})).toEqual([]);
  expect(storedAttachmentsOf({ attachments: [{ kind: 'new', bytes: { source: 'moon' } }] })).toEqual([
    { kind: 'file', name: '', size: 0, isInline: false, bytes: { source: 'none', reason: 'not recorded' } },
  ]);
});
