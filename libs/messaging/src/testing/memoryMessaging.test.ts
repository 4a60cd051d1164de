import { describe } from '@jest/globals';
import type { Messaging } from '../ports.ts';
import { memoryBroker } from './memoryBroker.ts';
import { memoryMessaging } from './memoryMessaging.ts';
import { contractTimes, messagingContract } from './messagingContract.ts';

describe('the memory twin', () => {
  messagingContract(async () => {
    const broker = memoryBroker();
    const open: Messaging[] = [];
    return {
      async connect() {
        const messaging = memoryMessaging({ broker, ...contractTimes });
        open.push(messaging);
        return messaging;
      },
      async stop() {
        for (const messaging of open) await messaging.close();
      },
    };
  });
});
