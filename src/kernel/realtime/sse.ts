import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { UserActor } from '../auth/index.js';

export interface SseMessage {
  /** Event name; absent only for a message that moves the client's last event id and shows nothing. */
  readonly event?: string;
  /** Where the client resumes after this message. */
  readonly id?: string;
  readonly data?: object;
}

/** Bounds of what may wait for a client that reads slowly (security notes §4). */
const MAX_PENDING_EVENTS = 256;
const MAX_PENDING_BYTES = 256 * 1024;
const GRACE_MS = 5_000;

/**
 * One event stream to one client.
 *
 * A client that does not keep up is cut off with `event: overflow` instead of growing the process: it reconnects
 * and resumes by its last event id. After the end of the stream `send` does nothing.
 */
export class SseStream {
  private pending = 0;
  private measuring = false;
  private ended = false;
  private readonly closeListeners: (() => void)[] = [];

  constructor(private readonly raw: ServerResponse) {
    raw.on('error', () => this.finish());
    raw.once('close', () => this.finish());
    if (raw.destroyed || raw.closed) this.finish();
  }

  get closed(): boolean {
    return this.ended;
  }

  /** The client is behind: what is only of passing interest may be left out. */
  get backlogged(): boolean {
    return this.raw.writableNeedDrain;
  }

  send(message: SseMessage): void {
    if (this.ended) return;
    this.write(frame(message));
    if (this.measuring) return;
    this.measuring = true;
    setImmediate(() => this.measure());
  }

  /** Keeps proxies from closing a quiet connection. Left out while earlier bytes still wait. */
  heartbeat(): void {
    if (!this.ended && !this.backlogged) this.write(': \n\n');
  }

  /** Ends the stream; the client comes back after about `retryMs`. */
  close(retryMs?: number): void {
    if (this.ended) return;
    if (retryMs !== undefined) this.write(`retry: ${retryMs}\n\n`);
    this.end();
  }

  /** Runs once when the stream has ended, whoever ended it; at once when it already has. */
  onClose(listener: () => void): void {
    if (this.ended) listener();
    else this.closeListeners.push(listener);
  }

  /** Resolves when the client has taken what waited, or the stream has ended. */
  async drained(): Promise<void> {
    if (this.ended || !this.raw.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      this.raw.once('drain', resolve);
      this.onClose(resolve);
    });
  }

  /**
   * One turn of the event loop later, when the socket has been given what was written: what is left then waits
   * for the client. Measured at once, every burst would look like a client that does not read.
   */
  private measure(): void {
    this.measuring = false;
    if (this.ended) return;
    if (this.pending <= MAX_PENDING_EVENTS && this.raw.writableLength <= MAX_PENDING_BYTES) return;
    this.write('event: overflow\ndata: {}\n\n');
    this.end();
  }

  private write(text: string): void {
    this.pending += 1;
    this.raw.write(text, () => {
      this.pending -= 1;
    });
  }

  private end(): void {
    this.raw.end();
    // A client that reads nothing would hold the connection open for ever.
    const timer = setTimeout(() => this.raw.destroy(), GRACE_MS).unref();
    this.raw.once('close', () => clearTimeout(timer));
    this.finish();
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    for (const listener of this.closeListeners.splice(0)) listener();
  }
}

/** Who keeps the open streams of this process; see `SseRegistry`. */
export interface OpenStreams {
  refuseWhileDraining(): void;
  add(stream: SseStream, actor: UserActor): void;
}

/** How long a client waits before it reconnects by itself. */
const RETRY_MS = 2_000;

/**
 * Turns a request into an event stream. Do everything that can fail before: from here on the status is 200. The
 * headers that earlier hooks have set (request id, security headers) are kept. Throws `OperationalError` (503)
 * while the process is shutting down.
 */
export function openSse(
  actor: UserActor,
  request: FastifyRequest,
  reply: FastifyReply,
  registry: OpenStreams,
): SseStream {
  registry.refuseWhileDraining();
  const { raw } = reply.hijack();
  request.raw.socket.setTimeout(0);
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store, no-transform',
    'X-Accel-Buffering': 'no',
  });
  raw.write(`retry: ${RETRY_MS}\n\n`);
  const stream = new SseStream(raw);
  // HEAD asks for the head alone: kept open, it would wait for ever.
  if (request.method === 'HEAD') stream.close();
  else registry.add(stream, actor);
  return stream;
}

/** JSON holds no raw line breaks, so `data:` is always one line; names and ids come from validated text. */
function frame({ event, id, data }: SseMessage): string {
  const lines = [
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(data === undefined ? [] : [`data: ${JSON.stringify(data)}`]),
  ];
  return `${lines.join('\n')}\n\n`;
}
