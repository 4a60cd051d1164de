import { RestoreWorld } from './world.ts';

/** A mailbox with folders, flags and attachments, backed up. */
export async function backedUpWorld(): Promise<{ world: RestoreWorld; projects: string; ids: string[] }> {
  const world = new RestoreWorld();
  const projects = world.source.addFolder({ name: 'Projects', parentId: 'inbox' }).id;
  const ids = [
    world.source.addMessage('inbox', { subject: 'Plan', categories: ['Blue'], isRead: true }),
    world.source.addMessage('inbox', {
      subject: 'Files',
      flag: { flagStatus: 'flagged' },
      attachments: [
        { name: 'a.txt', data: Buffer.from('hello attachment'), contentType: 'text/plain' },
        { name: 'b.bin', data: Buffer.alloc(3000, 7), extra: true },
      ],
    }),
    world.source.addMessage(projects, { subject: 'Deep' }),
    world.source.addMessage('sentitems', { subject: 'Sent' }),
  ];
  await world.backUp();
  return { world, projects, ids };
}
