import { HoldfastError } from '@holdfast/contracts';
import { Client } from '@microsoft/microsoft-graph-client';
import type { GraphLine } from './line.ts';

function headersOf(given: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  if (typeof given !== 'object' || given === null) return headers;
  for (const [name, value] of Object.entries(given)) headers[name.toLowerCase()] = String(value);
  return headers;
}

/**
 * Runs one request built by Microsoft's own client. Its bytes go over our line, so that host checks, limits,
 * repeats and the error table are the same as on the hot path; the client wraps what its middleware throws, so the
 * classified error is kept aside and thrown instead.
 */
export async function viaClient<T>(
  line: GraphLine,
  what: string,
  request: (client: Client) => Promise<T>,
): Promise<T> {
  const { graphRoot, bearerHosts } = line.deps.cloud;
  let failure: { error: unknown } | undefined;
  const client = Client.initWithMiddleware({
    baseUrl: `${graphRoot}/`,
    defaultVersion: 'v1.0',
    customHosts: new Set(bearerHosts.map((host) => new URL(`https://${host}`).hostname)),
    middleware: {
      async execute(context) {
        const address = typeof context.request === 'string' ? context.request : context.request.url;
        try {
          // The builder joins query parts without encoding them; URL does.
          const url = new URL(address).href;
          const text = await line.text({ url, what, headers: headersOf(context.options?.headers) });
          context.response = new Response(text, { headers: { 'content-type': 'application/json' } });
        } catch (error) {
          failure = { error };
          throw error;
        }
      },
    },
  });
  try {
    return await request(client);
  } catch (error) {
    if (failure?.error instanceof Error) throw failure.error;
    throw new HoldfastError(
      'request-failed',
      'transient',
      `A request to Microsoft Graph failed while ${what}.`,
      {
        remedy: 'Nothing to do: it is tried again by itself.',
        cause: error,
      },
    );
  }
}
