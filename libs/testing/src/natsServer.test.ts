import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type NatsServer, startNatsServer } from './natsServer.ts';

let server: NatsServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
  delete process.env.HOLDFAST_NATS_SERVER;
});

describe('startNatsServer', () => {
  test('restarts on the same port, keeps its storage unless it is wiped, and dies when killed', async () => {
    server = await startNatsServer();
    const { port, pid, storeDir } = server;
    const marker = join(storeDir, 'marker');
    mkdirSync(storeDir, { recursive: true });
    writeFileSync(marker, 'x');
    await server.kill();
    await server.restart();
    expect(server.port).toBe(port);
    expect(server.pid).not.toBe(pid);
    expect(existsSync(marker)).toBe(true);
    await server.restart({ wipe: true });
    expect(existsSync(marker)).toBe(false);
  });

  test('a machine without nats-server is told how to get it', async () => {
    process.env.HOLDFAST_NATS_SERVER = 'no-such-nats-server';
    await expect(startNatsServer()).rejects.toThrow(/no-such-nats-server could not be started: install it/);
  });
});
