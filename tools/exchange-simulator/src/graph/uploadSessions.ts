import type { Clock } from '../clock.ts';
import type { Tenant } from '../directory/tenant.ts';
import type { Reply } from '../http/reply.ts';
import type { Meter } from '../limits/meter.ts';
import { CreatedContent } from '../mailbox/createdContent.ts';
import type { Spool, SpoolRange } from '../mailbox/spool.ts';
import { guidOf, mix } from '../random.ts';
import type { GraphState, UploadFile, UploadOpener } from './context.ts';
import { badRequest, GraphError, itemNotFound, methodNotAllowed } from './errors.ts';
import { asCreated } from './updateMessage.ts';

/** An upload of one large attachment. */
interface Session extends UploadFile {
  readonly id: string;
  readonly secret: string;
  readonly expiresAt: number;
  readonly ranges: SpoolRange[];
  received: number;
}

const LIFETIME_MS = 3 * 3_600_000;
const MAXIMUM_CHUNK = 4 * 1024 * 1024;

/** The upload host: takes chunks in order, without Authorization, and attaches the file when it is complete. */
export class UploadSessions implements UploadOpener {
  readonly #sessions = new Map<string, Session>();
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #seed: number;
  #opened = 0;

  constructor(spool: Spool, clock: Clock, seed: number) {
    this.#spool = spool;
    this.#clock = clock;
    this.#seed = seed;
  }

  open(file: UploadFile): Session {
    const number = ++this.#opened;
    const id = guidOf(mix(this.#seed, 0x5e55), number);
    const secret = Buffer.from(`${guidOf(mix(this.#seed, 0x7ec), number)}${id}`).toString('base64url');
    const session: Session = {
      ...file,
      id,
      secret,
      expiresAt: this.#clock.now() + LIFETIME_MS,
      ranges: [],
      received: 0,
    };
    this.#sessions.set(id, session);
    return session;
  }

  /** Lets every open session expire now. */
  expireAll(): void {
    this.#sessions.clear();
  }

  /** Answers a request to an upload URL. Throws GraphError. */
  async handle(
    request: {
      method: string;
      path: string;
      query: string;
      headers: Readonly<Record<string, string | string[] | undefined>>;
      body: Buffer;
    },
    services: { tenants: ReadonlyMap<string, Tenant>; meter: Meter; state: GraphState },
  ): Promise<Reply> {
    if (request.headers.authorization !== undefined)
      throw new GraphError(
        401,
        'InvalidAuthenticationToken',
        'The upload URL is authorized by itself: no Authorization header is accepted.',
      );
    const id = /AttachmentSessions\('([^']+)'\)/.exec(decodeURIComponent(request.path))?.[1];
    const session = id === undefined ? undefined : this.#sessions.get(id);
    const secret = new URLSearchParams(request.query).get('authtoken');
    if (!session || session.expiresAt <= this.#clock.now())
      throw new GraphError(404, 'ErrorItemNotFound', 'The upload session was not found or has expired.');
    if (secret !== session.secret)
      throw new GraphError(401, 'InvalidAuthenticationToken', 'The upload URL is not valid.');
    if (request.method === 'DELETE') {
      this.#sessions.delete(session.id);
      return { status: 204 };
    }
    if (request.method === 'GET') return { status: 200, json: this.#progress(session) };
    if (request.method !== 'PUT') throw methodNotAllowed(request.method);
    const end = services.meter.start(session.clientId, session.userId, request.body.length);
    try {
      return await this.#put(session, request, services);
    } finally {
      end();
    }
  }

  #progress(session: Session) {
    return {
      ExpirationDateTime: new Date(session.expiresAt).toISOString(),
      nextExpectedRanges: [String(session.received)],
    };
  }

  async #put(
    session: Session,
    request: { headers: Readonly<Record<string, string | string[] | undefined>>; body: Buffer },
    services: { tenants: ReadonlyMap<string, Tenant>; state: GraphState },
  ): Promise<Reply> {
    if (!/^application\/octet-stream\b/i.test(String(request.headers['content-type'] ?? '')))
      throw new GraphError(415, 'UnsupportedMediaType', 'Chunks are sent as application/octet-stream.');
    if (request.body.length > MAXIMUM_CHUNK)
      throw new GraphError(413, 'ErrorRequestEntityTooLarge', 'A chunk has at most 4 MB.');
    const [, from, to, size] =
      /^bytes (\d+)-(\d+)\/(\d+)$/.exec(String(request.headers['content-range'] ?? '')) ?? [];
    if (
      from === undefined ||
      Number(size) !== session.size ||
      Number(to) - Number(from) + 1 !== request.body.length
    )
      throw badRequest(
        'Content-Range is missing or does not fit the session or the body.',
        'ErrorInvalidRange',
      );
    if (Number(from) !== session.received)
      throw new GraphError(
        416,
        'InvalidRange',
        `Chunks are sent in order: the next one starts at ${session.received}.`,
      );
    session.ranges.push(this.#spool.append(request.body));
    session.received += request.body.length;
    if (session.received < session.size) return { status: 200, json: this.#progress(session) };
    return this.#finish(session, services);
  }

  async #finish(
    session: Session,
    { tenants, state }: { tenants: ReadonlyMap<string, Tenant>; state: GraphState },
  ): Promise<Reply> {
    this.#sessions.delete(session.id);
    const tenant = tenants.get(session.tenantId);
    const user = tenant?.user(session.userId);
    const mailbox = tenant && user ? tenant.mailbox(user) : undefined;
    const item = mailbox?.item(session.n);
    if (!mailbox || !item) throw itemNotFound();
    const before = await asCreated({ state, mailbox }, item);
    const ordinal = before.attachments.reduce((highest, one) => Math.max(highest, one.ordinal + 1), 0);
    const attachment = {
      ordinal,
      kind: 'file' as const,
      name: session.name,
      contentType: session.contentType ?? 'application/octet-stream',
      size: session.size,
      isInline: session.isInline,
      contentId: session.contentId,
      contentLocation: null,
      ranges: session.ranges,
    };
    mailbox.change(item.n, this.#clock.now(), {
      content: new CreatedContent(this.#spool, {
        ...before,
        attachments: [...before.attachments, attachment],
      }),
    });
    const id = mailbox.ids.attachment(item.n, item.moves, ordinal, session.immutable);
    return {
      status: 201,
      headers: {
        location: `https://outlook.office.com/api/gv1.0/users('${session.userId}')/messages('${mailbox.ids.message(item.n, item.moves, session.immutable)}')/attachments('${id}')`,
      },
    };
  }
}
