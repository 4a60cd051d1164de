import { writeFileSync } from 'node:fs';
import { asyncApi, eventsPage } from './index.ts';

const docs = new URL('../../../docs/', import.meta.url);
writeFileSync(new URL('events.md', docs), eventsPage());
writeFileSync(new URL('asyncapi.json', docs), `${JSON.stringify(asyncApi(), null, 2)}\n`);
