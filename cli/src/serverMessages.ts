/** One message of a stream of server-sent events. */
export interface ServerMessage {
  event: string;
  data: string;
  id: string | undefined;
}

/** A line longer than this is no message of ours: the memory stays bounded. */
const longestLine = 4 * 1024 * 1024;

async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const parts = rest.split(/\r\n|\n|\r(?!$)/);
    rest = parts.pop() ?? '';
    if (rest.length > longestLine) throw new RangeError('a line of the stream is too long');
    yield* parts;
  }
}

/** Reads server-sent events (HTML standard, section 9.2.6); comments and fields we do not use are passed over. */
export async function* serverMessages(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerMessage> {
  let event = 'message';
  let data: string[] = [];
  let id: string | undefined;
  for await (const line of lines(body)) {
    if (line === '') {
      if (data.length > 0) yield { event, data: data.join('\n'), id };
      [event, data, id] = ['message', [], undefined];
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id') id = value;
  }
}
