import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Content that waits to be fetched. */
export interface Offer {
  /** Where the process fetches it, once. */
  readonly url: string;
  /** Why the content could not be handed over whole, if that is so. */
  readonly failure: () => Error | null;
  /** Ends it: who fetches it is cut off, and the content is destroyed. May be called at any time. */
  withdraw(reason: Error): void;
}

interface Waiting {
  readonly head: Buffer;
  readonly rest: Readable;
  readonly size: number | null;
  failure: Error | null;
  response: ServerResponse | null;
}

/**
 * Content beyond which rclone begins to write before it has seen the end. A stream that breaks off before is kept
 * by rclone as if it had ended, so that much is read here first: then its size is known, or rclone notices.
 */
const HEAD_BYTES = 128 * 1024;

/**
 * Hands content to rclone: a server on the loopback interface, at which each content can be fetched once, at an
 * address nobody can guess. rclone fetches it itself, because only so can it be told the size beforehand, without
 * which it writes to disks of the server first or in many small parts, and because a break then is an error.
 */
export class UploadDesk {
  private readonly waiting = new Map<string, Waiting>();
  private server: Promise<Server> | null = null;

  /** `size` in bytes, where it is known: more or less than that is an error then. */
  async offer(content: Readable, size: number | null): Promise<Offer> {
    const { head, ended } = await headOf(content);
    const known = size ?? (ended ? head.length : null);
    const entry: Waiting = { head, rest: content, size: known, failure: null, response: null };
    // It may fail before anybody fetches it.
    content.on('error', (error) => (entry.failure ??= error));
    const port = ((await this.listening()).address() as AddressInfo).port;
    const token = randomBytes(32).toString('base64url');
    this.waiting.set(token, entry);
    return {
      url: `http://127.0.0.1:${port}/${token}`,
      failure: () => entry.failure,
      withdraw: (reason) => {
        this.waiting.delete(token);
        entry.failure ??= reason;
        entry.response?.destroy();
        content.destroy();
      },
    };
  }

  async close(): Promise<void> {
    const server = await this.server;
    server?.closeAllConnections();
    server?.close();
  }

  private listening(): Promise<Server> {
    this.server ??= (async () => {
      const server = createServer((request, response) => void this.answer(request, response));
      server.requestTimeout = 0;
      server.unref();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    })();
    return this.server;
  }

  private async answer({ url = '', method }: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = url.slice(1);
    const entry = method === 'GET' ? this.waiting.get(token) : undefined;
    if (entry === undefined) {
      response.writeHead(404).end();
      return;
    }
    this.waiting.delete(token);
    entry.response = response;
    const { head, rest, size } = entry;
    // Anything else rclone would unpack.
    response.setHeader('content-type', 'application/octet-stream');
    if (size !== null) response.setHeader('content-length', size);
    try {
      if (head.length > 0) response.write(head);
      await pipeline(rest, counted(head.length, size), response);
    } catch (error) {
      entry.failure ??= error instanceof Error ? error : new Error(String(error));
      response.destroy();
    }
  }
}

/** Passes everything on; fails when it is more or less than `size`, because rclone would wait for the rest. */
function counted(already: number, size: number | null): Transform {
  let seen = already;
  const wrong = (): Error | null =>
    size !== null && seen !== size ? new Error('The content has not the size it was said to have.') : null;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      done(size !== null && seen > size ? wrong() : null, chunk);
    },
    flush: (done) => done(wrong()),
  });
}

/** Reads the beginning of a stream, and puts nothing back: what follows is still in it. Throws its error. */
async function headOf(content: Readable): Promise<{ head: Buffer; ended: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  while (size < HEAD_BYTES) {
    if (content.errored) throw content.errored;
    if (content.readableEnded) return { head: Buffer.concat(chunks), ended: true };
    if (content.destroyed) throw new Error('The content was cut off.');
    const chunk: unknown = content.read();
    if (chunk === null) await readable(content);
    else {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
      chunks.push(bytes);
      size += bytes.length;
    }
  }
  return { head: Buffer.concat(chunks), ended: false };
}

/** Until there is more, or an end of whatever kind. */
function readable(content: Readable): Promise<void> {
  return new Promise((resolve) => {
    const events = ['readable', 'end', 'error', 'close'] as const;
    const done = (): void => {
      for (const event of events) content.off(event, done);
      resolve();
    };
    for (const event of events) content.on(event, done);
  });
}
