import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface ComposeService {
  image?: string;
  build?: { context: string; dockerfile: string };
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  container_name?: string;
  healthcheck?: object;
  ports?: string[];
}
const compose = parse(readFileSync(join(root, 'compose.yaml'), 'utf8'), { merge: true }) as {
  services: Record<string, ComposeService>;
};
const ours = readdirSync(join(root, 'services'));

test('compose.yaml runs every service, from a Dockerfile that exists and starts its main', () => {
  for (const name of ours) {
    const service = compose.services[name];
    expect([name, service?.build?.dockerfile]).toEqual([name, `services/${name}/Dockerfile`]);
    const dockerfile = readFileSync(join(root, `services/${name}/Dockerfile`), 'utf8');
    expect(dockerfile).toContain(`services/${name}/src/main.ts`);
    expect(existsSync(join(root, `services/${name}/src/main.ts`))).toBe(true);
    expect(dockerfile).toMatch(/^FROM node:24/m);
    expect(dockerfile).toMatch(/^USER /m);
  }
});

test('every service can be scaled: no fixed container name, and no fixed port but that of the api', () => {
  for (const name of ours) {
    expect(compose.services[name]?.container_name).toBeUndefined();
    if (name !== 'api') expect(compose.services[name]?.ports).toBeUndefined();
  }
});

test('the services wait for a healthy broker and database, and share one key', () => {
  for (const name of ours) {
    expect(compose.services[name]?.depends_on).toEqual({
      nats: { condition: 'service_healthy' },
      mongo: { condition: 'service_healthy' },
    });
    expect(compose.services[name]?.environment?.HOLDFAST_SECRET_KEY_FILE).toBe('/run/secrets/holdfast_key');
  }
  expect(compose.services.nats?.healthcheck).toBeDefined();
  expect(compose.services.mongo?.healthcheck).toBeDefined();
});

test('images of others are pinned to a version', () => {
  for (const { image } of Object.values(compose.services)) {
    if (image !== undefined) expect(image).toMatch(/:[^:]*\d/);
  }
});
