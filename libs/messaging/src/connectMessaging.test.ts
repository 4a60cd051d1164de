import { type NatsServer, startNatsServer } from '@holdfast/testing';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { connectMessaging } from './connectMessaging.ts';
import type { Messaging } from './ports.ts';
import { contractTimes, messagingContract } from './testing/messagingContract.ts';

describe('JetStream', () => {
  let server: NatsServer;
  let prefixes = 0;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());

  messagingContract(async () => {
    const open: Messaging[] = [];
    prefixes += 1;
    const prefix = `contract-${prefixes}`;
    return {
      async connect(name = 'contract') {
        const messaging = await connectMessaging({ servers: [server.url], prefix, name, ...contractTimes });
        open.push(messaging);
        return messaging;
      },
      async stop() {
        await Promise.all(open.map((messaging) => messaging.close()));
      },
    };
  });
});
