import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly recipients: readonly string[];
  readonly raw: string;
  readonly mail: Email;
}

/** An answer other than yes, as a mail server gives it. */
export function smtpError(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

/** What the server says at each step: return an error to refuse. */
export interface Manners {
  greet?: () => Error | null;
  login?: (user: string | null, password: string | null) => Error | null;
  sender?: () => Error | null;
  recipient?: (address: string) => Error | null;
  message?: () => Error | null;
}

/** A real mail server on a free port, which keeps what it is given. */
export class MailServer {
  readonly received: ReceivedMail[] = [];
  /** How often somebody has connected. */
  connections = 0;
  manners: Manners = {};
  /** While true a mail that was sent is neither kept nor answered. */
  hold = false;
  private server: SMTPServer;

  private constructor(
    private readonly options: SMTPServerOptions,
    private port = 0,
  ) {
    this.server = this.make();
  }

  static async start(options: SMTPServerOptions = {}): Promise<MailServer> {
    const server = new MailServer({
      authOptional: true,
      logger: false,
      disabledCommands: ['STARTTLS'],
      ...options,
    });
    await server.up();
    return server;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  urlWith(user: string, password: string): string {
    return `smtp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${this.port}`;
  }

  /** Listens, at the same port as before. */
  async up(): Promise<void> {
    this.server = this.make();
    const listener = this.server.listen(this.port, '127.0.0.1');
    await once(listener, 'listening');
    this.port = (listener.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private make(): SMTPServer {
    return new SMTPServer({
      ...this.options,
      allowInsecureAuth: true,
      closeTimeout: 100,
      onConnect: (_session, done) => {
        this.connections++;
        done(this.manners.greet?.() ?? null);
      },
      onAuth: ({ username = '', password = '' }, _session, done) => {
        const error = this.manners.login?.(username, password) ?? null;
        if (error) done(error);
        else done(null, { user: username ?? '' });
      },
      onMailFrom: (_address, _session, done) => done(this.manners.sender?.() ?? null),
      onRcptTo: ({ address }, _session, done) => done(this.manners.recipient?.(address) ?? null),
      onData: (stream, session, done) => {
        void this.keep(stream, session, done);
      },
    });
  }

  private async keep(
    stream: Readable,
    { envelope: { mailFrom, rcptTo } }: SMTPServerSession,
    done: (error: Error | null) => void,
  ): Promise<void> {
    const raw = await buffer(stream).catch(() => null);
    if (!raw) return; // cut in the middle: there is no mail, and nobody to answer
    const error = this.manners.message?.() ?? null;
    if (this.hold) return;
    if (!error)
      this.received.push({
        from: mailFrom === false ? '' : mailFrom.address,
        recipients: rcptTo.map(({ address }) => address),
        raw: raw.toString(),
        mail: await PostalMime.parse(raw),
      });
    done(error);
  }
}
