import type { Webhook, WebhookDelivery } from '@holdfast/contracts';
import type { Command } from 'commander';
import { step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { exitCodes, UsageError } from '../errors.ts';
import { collect, listLimit } from '../options.ts';
import { resolveNamed } from '../resolve.ts';
import { timeText } from '../units.ts';

type Shown = Omit<Webhook, 'sealedSecret' | 'previousSecret'>;

interface Given {
  name?: string;
  endpoint?: string;
  event: string[];
  org?: string;
  job?: string;
  enable?: boolean;
  disable?: boolean;
}

/** Finds a webhook by its id or its name. @throws UsageError */
async function resolveWebhook({ client }: Context, given: string): Promise<Shown> {
  for await (const webhook of client.each<Shown>('/webhooks')) {
    if (webhook.id === given || webhook.name.toLowerCase() === given.toLowerCase()) return webhook;
  }
  throw new UsageError(`there is no webhook "${given}"`, 'See: holdfast webhook list');
}

async function bodyOf({ client }: Context, given: Given): Promise<Record<string, unknown>> {
  const organization =
    given.org === undefined ? undefined : (await resolveNamed(client, 'organization', given.org)).id;
  const job = given.job === undefined ? undefined : (await resolveNamed(client, 'job', given.job)).id;
  const events = given.event.flatMap((text) => text.split(',')).filter((text) => text !== '');
  const body = {
    name: given.name,
    url: given.endpoint,
    events: events.length === 0 ? undefined : events,
    organizationId: organization,
    jobId: job,
    enabled: given.enable === true ? true : given.disable === true ? false : undefined,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

const stateOf = (webhook: Shown): string => {
  if (!webhook.enabled) return 'off';
  if (webhook.suspendedAt !== undefined) return 'suspended';
  return webhook.failingSince === undefined ? 'works' : 'failing';
};

function tellSecret({ screen }: Context, made: Shown & { secret: string }, what: string): undefined {
  if (screen.json) return screen.document(made);
  screen.line(`${what} ${made.name} (${made.id}). Test it: holdfast webhook test ${made.id}`);
  screen.line(`Secret, shown once: ${made.secret}`);
  return undefined;
}

async function add(context: Context, _args: string[], given: Given): Promise<undefined> {
  const body = await bodyOf(context, given);
  return tellSecret(context, await context.client.send('POST', '/webhooks', body), 'Added');
}

async function change(context: Context, args: string[], given: Given): Promise<undefined> {
  const { id } = await resolveWebhook(context, args[0] ?? '');
  const body = await bodyOf(context, given);
  return show(context, [(await context.client.send<Shown>('PATCH', `/webhooks/${step(id)}`, body)).id]);
}

async function list(
  { client, screen }: Context,
  _args: string[],
  options: { limit: number },
): Promise<undefined> {
  const page = await client.list<Shown>('/webhooks', options.limit);
  if (screen.json) return screen.document(page);
  screen.table(
    ['NAME', 'ID', 'URL', 'EVENTS', 'STATE', 'LAST DELIVERED'],
    page.items.map((webhook) => [
      ...[webhook.name, webhook.id, webhook.url, webhook.events.join(', '), stateOf(webhook)],
      timeText(webhook.lastDeliveredAt),
    ]),
  );
  return undefined;
}

async function show(context: Context, args: string[]): Promise<undefined> {
  const { screen } = context;
  const webhook = await resolveWebhook(context, args[0] ?? '');
  if (screen.json) return screen.document(webhook);
  screen.facts([
    ['name', webhook.name],
    ['id', webhook.id],
    ['url', webhook.url],
    ['events', webhook.events.join(', ')],
    ['organization', webhook.organizationId],
    ['job', webhook.jobId],
    ['state', stateOf(webhook)],
    ['failing since', webhook.failingSince === undefined ? undefined : timeText(webhook.failingSince)],
    ['last error', webhook.lastError],
    ['last delivered', timeText(webhook.lastDeliveredAt)],
  ]);
  return undefined;
}

async function remove(context: Context, args: string[]): Promise<undefined> {
  const { id, name } = await resolveWebhook(context, args[0] ?? '');
  await context.client.send('DELETE', `/webhooks/${step(id)}`);
  if (context.screen.json) return context.screen.document({ id, removed: true });
  context.screen.line(`Removed ${name}.`);
  return undefined;
}

async function rotate(context: Context, args: string[]): Promise<undefined> {
  const { id } = await resolveWebhook(context, args[0] ?? '');
  const made = await context.client.send<Shown & { secret: string }>(
    'POST',
    `/webhooks/${step(id)}/rotate-secret`,
  );
  return tellSecret(context, made, 'New secret for');
}

const patienceMs = 60_000;
const pauseMs = 500;

async function test(context: Context, args: string[]): Promise<number> {
  const { client, io, screen } = context;
  const { id } = await resolveWebhook(context, args[0] ?? '');
  const made = await client.send<WebhookDelivery>('POST', `/webhooks/${step(id)}/test`);
  const limit = io.now() + patienceMs;
  for (;;) {
    const now = await client.get<WebhookDelivery>(`/webhooks/${step(id)}/deliveries/${step(made.id)}`);
    if (now.state !== 'pending' || now.error !== undefined || io.now() > limit) {
      if (screen.json) screen.document(now);
      else
        screen.line(
          `${now.state}${now.status === undefined ? '' : `, status ${now.status}`} after ${now.tries} tries`,
        );
      if (now.error !== undefined) screen.note(now.error);
      return now.state === 'delivered' ? exitCodes.ok : exitCodes.failed;
    }
    await io.sleep(pauseMs);
  }
}

interface DeliveriesOptions {
  limit: number;
  state?: string;
}

async function deliveries(context: Context, args: string[], options: DeliveriesOptions): Promise<undefined> {
  const { client, screen } = context;
  const { id } = await resolveWebhook(context, args[0] ?? '');
  const page = await client.list<WebhookDelivery>(`/webhooks/${step(id)}/deliveries`, options.limit, {
    state: options.state,
  });
  if (screen.json) return screen.document(page);
  screen.table(
    ['ID', 'EVENT', 'MADE', 'STATE', 'TRIES', 'STATUS', 'ERROR'],
    page.items.map((one) => [
      ...[one.id, one.eventName, timeText(one.createdAt), one.state, one.tries, one.status, one.error],
    ]),
  );
  return undefined;
}

async function replay(context: Context, args: string[]): Promise<number> {
  const { client, screen } = context;
  const { id, name } = await resolveWebhook(context, args[0] ?? '');
  const deliveryId = args[1];
  if (deliveryId !== undefined) {
    const path = `/webhooks/${step(id)}/deliveries/${step(deliveryId)}/replay`;
    const sent = await client.send<WebhookDelivery>('POST', path);
    if (screen.json) screen.document(sent);
    else screen.line(`Sent again: ${sent.id}`);
    return exitCodes.ok;
  }
  let replayed = 0;
  for (;;) {
    const answer = await client.send<{ replayed: number; more: boolean }>(
      'POST',
      `/webhooks/${step(id)}/replay`,
    );
    replayed += answer.replayed;
    if (!answer.more) break;
  }
  if (screen.json) screen.document({ replayed });
  else screen.line(`${replayed} dead letters of ${name} are sent again.`);
  return exitCodes.ok;
}

export function webhookCommands(runner: Runner, program: Command): void {
  const webhook = program
    .command('webhook')
    .description('webhooks: events sent to an address over HTTPS, signed');
  const filters = (command: Command): Command =>
    command
      .option(
        '--event <names>',
        'such as run.completed or run.* (repeat, or separate by commas); all by default',
        collect,
        [],
      )
      .option('--org <org>', 'only of this organization')
      .option('--job <job>', 'only of this job');
  const adding = webhook
    .command('add')
    .description('add one; its secret is shown once')
    .requiredOption('--name <name>', 'its name')
    .requiredOption('--endpoint <url>', 'https address that takes POST; http on this machine');
  act(runner, filters(adding).option('--disable', 'add it switched off'), add);
  act(runner, listLimit(webhook.command('list').description('list them and how they fare')), list);
  act(runner, webhook.command('show <webhook>').description('show one'), show);
  const changing = webhook
    .command('change <webhook>')
    .description('change what is given; a changed filter counts from now')
    .option('--name <name>', 'another name')
    .option('--endpoint <url>', 'another address')
    .option('--enable', 'switch it on, also after it was suspended')
    .option('--disable', 'switch it off');
  act(runner, filters(changing), change);
  act(runner, webhook.command('remove <webhook>').description('remove one'), remove);
  act(
    runner,
    webhook.command('test <webhook>').description('send a test event and wait for the answer'),
    test,
  );
  act(
    runner,
    webhook
      .command('rotate-secret <webhook>')
      .description('a new secret; the old one is valid for 24 hours more'),
    rotate,
  );
  const listing = webhook.command('deliveries <webhook>').description('what was sent, newest first');
  act(runner, listLimit(listing).option('--state <state>', 'pending, delivered or dead'), deliveries);
  const dead = webhook
    .command('dead <webhook>')
    .description('dead letters: what was given up after 24 hours');
  act<DeliveriesOptions>(runner, listLimit(dead), (context, args, options) =>
    deliveries(context, args, { ...options, state: 'dead' }),
  );
  const replaying = webhook
    .command('replay <webhook> [delivery]')
    .description('send one delivery, or all dead letters, again');
  act(runner, replaying, replay);
}
