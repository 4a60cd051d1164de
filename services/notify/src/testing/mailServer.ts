import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { generate } from 'selfsigned';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A message as the server took it. */
export interface ReceivedMail {
  from: string;
  to: string[];
  /** TLS was on when it came. */
  isSecure: boolean;
  user: string | undefined;
  raw: string;
  mail: Email;
}

/** What the server shall do; each is asked anew for every command. */
export interface Behaviour {
  /** Answers a recipient with a refusal such as `{ code: 550, text: 'no such user' }`. */
  refuseRecipient?: (address: string) => { code: number; text: string } | undefined;
  /** Answers the message after DATA. */
  refuseMessage?: () => { code: number; text: string } | undefined;
  /** Drops the connection in the middle of DATA. */
  dropInData?: () => boolean;
  /** Takes the message and drops the connection before saying so. */
  dropAfterData?: () => boolean;
  /** Never answers the message. */
  hangAfterData?: () => boolean;
}

export interface MailServer {
  port: number;
  received: ReceivedMail[];
  behaviour: Behaviour;
  stop(): Promise<void>;
}

export interface MailServerOptions {
  security?: 'none' | 'starttls' | 'tls';
  sign?: { user: string } & ({ password: string } | { token: string });
  /** PEM of the server's key and certificate. */
  certificate?: { key: string; cert: string };
}

/** A certificate for 127.0.0.1 and localhost that is its own authority. */
export async function makeCertificate(): Promise<{ key: string; cert: string }> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { key, cert };
}

const failure = ({ code, text }: { code: number; text: string }): Error =>
  Object.assign(new Error(text), { responseCode: code });

/** A real SMTP server on 127.0.0.1. */
export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const { security = 'none', sign, certificate } = options;
  const received: ReceivedMail[] = [];
  const state: { behaviour: Behaviour } = { behaviour: {} };
  const disabled = [
    ...(security === 'starttls' ? [] : ['STARTTLS']),
    ...(sign === undefined ? ['AUTH'] : []),
  ];
  const settings: SMTPServerOptions = {
    secure: security === 'tls',
    ...(certificate ?? {}),
    disabledCommands: disabled,
    authMethods: sign !== undefined && 'token' in sign ? ['XOAUTH2'] : ['PLAIN', 'LOGIN'],
    authOptional: sign === undefined,
    closeTimeout: 100,
    onAuth(auth, _session, done) {
      const isUser = auth.username === sign?.user;
      if (sign !== undefined && 'token' in sign) {
        // As Exchange Online: the reason as a challenge, the refusal after it.
        const refusal = { data: { status: '401', schemes: 'bearer' } };
        return done(null, isUser && auth.accessToken === sign.token ? { user: auth.username } : refusal);
      }
      const isRight = isUser && auth.password === sign?.password;
      return done(
        isRight ? null : new Error('bad credentials'),
        isRight ? { user: auth.username } : undefined,
      );
    },
    onRcptTo(address, _session, done) {
      const refusal = state.behaviour.refuseRecipient?.(address.address);
      done(refusal === undefined ? null : failure(refusal));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      const socket = sockets.get(session.id);
      stream.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (state.behaviour.dropInData?.() === true) socket?.destroy();
      });
      stream.on('end', () => {
        const refusal = state.behaviour.refuseMessage?.();
        if (refusal !== undefined) return done(failure(refusal));
        const raw = Buffer.concat(chunks).toString('utf8');
        PostalMime.parse(raw).then((mail) => {
          const from = session.envelope.mailFrom;
          received.push({
            from: from === false ? '' : from.address,
            to: session.envelope.rcptTo.map(({ address }) => address),
            isSecure: session.secure,
            user: session.user as string | undefined,
            raw,
            mail,
          });
          if (state.behaviour.dropAfterData?.() === true) return socket?.destroy();
          if (state.behaviour.hangAfterData?.() === true) return undefined;
          return done();
        }, done);
      });
    },
  };
  const sockets = new Map<string, { destroy(): void }>();
  const server = new SMTPServer(settings);
  server.on('error', () => undefined);
  // The server does not hand out its sockets: they are found by their port.
  const byPort = new Map<number, { destroy(): void }>();
  server.server.on(
    security === 'tls' ? 'secureConnection' : 'connection',
    (socket: import('node:net').Socket) => {
      if (socket.remotePort !== undefined) byPort.set(socket.remotePort, socket);
    },
  );
  settings.onConnect = (session, done) => {
    const socket = byPort.get(session.remotePort);
    if (socket !== undefined) sockets.set(session.id, socket);
    done();
  };
  server.onConnect = settings.onConnect;
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    get behaviour() {
      return state.behaviour;
    },
    set behaviour(behaviour) {
      state.behaviour = behaviour;
    },
    async stop() {
      for (const socket of byPort.values()) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
