import { once } from 'node:events';
import { Agent, type ClientRequest, IncomingMessage, request } from 'node:http';
import { isRecord } from './progress.js';

const CALL_LIMIT_MS = 30_000;
/** About 300,000 entries of a listing. Past it an answer would hurt this process more than its absence. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Connections to one rclone; the rest of the calls wait their turn. */
const MAX_CONNECTIONS = 4;

/**
 * rclone answered with an error. Holds its text and nothing else of the answer, which repeats the whole input
 * with the secrets in it.
 */
export class RcError extends Error {
  override readonly name = 'RcError';

  constructor(
    readonly method: string,
    /** HTTP status: 404 not found, 400 bad parameter, 401 or 403 not allowed, 500 anything else. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** No usable answer: rclone died, hangs, or answered something that is no answer. The call may have had effect. */
export class RcConnectionError extends Error {
  override readonly name = 'RcConnectionError';

  constructor(method: string, why: string, options?: ErrorOptions) {
    super(`rclone gave no answer to ${method}: ${why}`, options);
  }
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** Over a connection of its own, so that a call that takes long is in nobody's way. */
  alone?: boolean;
}

/** Calls the remote control of one rclone over kept-alive connections. */
export class RcClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
  private readonly authorization: string;
  private readonly alone = new Set<ClientRequest>();

  constructor(
    private readonly port: number,
    user: string,
    password: string,
  ) {
    this.authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  /**
   * Calls `method` with `parameters`, which must be built by this module and never hold a user's object.
   * Throws `RcError`, `RcConnectionError` (also after `timeoutMs`, 30 s unless given), or an AbortError.
   */
  async call(
    method: string,
    parameters: object,
    { signal, timeoutMs = CALL_LIMIT_MS, alone = false }: CallOptions = {},
  ): Promise<Record<string, unknown>> {
    const { status, body } = await this.post(method, JSON.stringify(parameters), signal, timeoutMs, alone);
    const answer = parse(body);
    if (status === 200 && answer !== null) return answer;
    if (status === 200) throw new RcConnectionError(method, 'the answer is no JSON object');
    const error = answer?.['error'];
    throw new RcError(method, status, typeof error === 'string' ? error : `HTTP status ${status}`);
  }

  /**
   * Begins to read what rclone serves at `path`, which must be built by this module: see `--rc-serve`. Over a
   * connection of its own, because it may take hours. Throws `RcError` for anything but content,
   * `RcConnectionError` (also when no answer comes within `timeoutMs`), or an AbortError.
   */
  async get(
    path: string,
    headers: Record<string, string>,
    { signal, timeoutMs = CALL_LIMIT_MS }: { signal?: AbortSignal | undefined; timeoutMs?: number } = {},
  ): Promise<IncomingMessage> {
    const response = await this.begin('read', 'GET', path, '', headers, { signal, timeoutMs, alone: true });
    const status = response.statusCode ?? 0;
    if (status === 200 || status === 206) return response;
    const error = parse(await text(response))?.['error'];
    throw new RcError('read', status, typeof error === 'string' ? error : `HTTP status ${status}`);
  }

  /** Drops every connection; calls under way fail. */
  close(): void {
    this.agent.destroy();
    for (const call of this.alone) call.destroy();
  }

  private async post(
    method: string,
    body: string,
    signal: AbortSignal | undefined,
    timeoutMs: number,
    alone: boolean,
  ): Promise<{ status: number; body: string }> {
    const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const ends = performance.now() + timeoutMs;
    const response = await this.begin(method, 'POST', `/${method}`, body, headers, {
      signal,
      timeoutMs,
      alone,
    });
    const left = ends - performance.now();
    const timer = setTimeout(() => response.destroy(new Error(`none within ${timeoutMs} ms`)), left);
    try {
      return { status: response.statusCode ?? 0, body: await text(response) };
    } catch (error) {
      if (signal?.aborted) throw error;
      throw noAnswer(method, error);
    } finally {
      clearTimeout(timer);
    }
  }

  private async begin(
    what: string,
    method: 'GET' | 'POST',
    path: string,
    body: string,
    headers: Record<string, string>,
    { signal, timeoutMs, alone }: { signal: AbortSignal | undefined; timeoutMs: number; alone: boolean },
  ): Promise<IncomingMessage> {
    signal?.throwIfAborted();
    const call = request({
      host: '127.0.0.1',
      port: this.port,
      path,
      method,
      agent: alone ? false : this.agent,
      headers: { authorization: this.authorization, ...headers },
      ...(signal && { signal }),
    });
    if (alone) {
      this.alone.add(call);
      call.once('close', () => this.alone.delete(call));
    }
    // An error after the response has begun is reported twice; the body reports it too.
    call.on('error', () => {});
    const timer = setTimeout(() => call.destroy(new Error(`none within ${timeoutMs} ms`)), timeoutMs);
    try {
      const answered = once(call, 'response');
      call.end(body);
      const [response] = await answered;
      if (!(response instanceof IncomingMessage)) throw new Error('no response');
      return response;
    } catch (error) {
      if (signal?.aborted) throw error;
      throw noAnswer(what, error);
    } finally {
      clearTimeout(timer);
    }
  }
}

const noAnswer = (method: string, cause: unknown): RcConnectionError =>
  new RcConnectionError(method, cause instanceof Error ? cause.message : String(cause), { cause });

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) {
      throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES / 1024 / 1024} MiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
