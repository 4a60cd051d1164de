/**
 * A client that knows nothing of the simulator: Microsoft's own libraries, run as a process of its own because the
 * certificate to trust is read from NODE_EXTRA_CA_CERTS when a process starts. Prints what it got as JSON.
 */
import { readFileSync } from 'node:fs';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { Client } from '@microsoft/microsoft-graph-client';

interface Task {
  readonly url: string;
  readonly tenant: string;
  readonly clientId: string;
  readonly secret?: string;
  readonly certificate?: { readonly thumbprintSha256: string; readonly privateKey: string };
  readonly read?: boolean;
}

async function run(task: Task): Promise<unknown> {
  const { host } = new URL(task.url);
  const application = new ConfidentialClientApplication({
    auth: {
      clientId: task.clientId,
      authority: `${task.url}/${task.tenant}`,
      knownAuthorities: [host],
      ...(task.secret === undefined ? {} : { clientSecret: task.secret }),
      ...(task.certificate === undefined ? {} : { clientCertificate: task.certificate }),
    },
  });
  const scopes = ['https://graph.microsoft.com/.default'];
  const token = await application.acquireTokenByClientCredential({ scopes });
  if (!task.read) return { expiresOn: token?.expiresOn, tokenType: token?.tokenType };
  const client = Client.init({
    baseUrl: `${task.url}/`,
    customHosts: new Set(['localhost']),
    authProvider: (done) => done(null, token?.accessToken ?? null),
  });
  const users = await client.api('/users').select('id,mail').top(2).get();
  const user = users.value[0].id;
  const page = await client
    .api(`/users/${user}/mailFolders/inbox/messages/delta`)
    .header('Prefer', 'odata.maxpagesize=5')
    .select('subject')
    .get();
  const created = await client
    .api(`/users/${user}/mailFolders/inbox/messages`)
    .post({ subject: 'from a foreign client' });
  const mime: ArrayBuffer = await client
    .api(`/users/${user}/messages/${created.id}/$value`)
    .responseType('arraybuffer' as never)
    .get();
  return {
    users: users.value.length,
    nextLink: users['@odata.nextLink'],
    page: page.value.length,
    mime: Buffer.from(mime).toString().slice(0, 40),
  };
}

run(JSON.parse(readFileSync(0, 'utf8')) as Task).then(
  (result) => process.stdout.write(JSON.stringify({ result })),
  (error: unknown) =>
    process.stdout.write(JSON.stringify({ error: error instanceof Error ? error.message : String(error) })),
);
