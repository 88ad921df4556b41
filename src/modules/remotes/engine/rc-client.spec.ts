import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { once } from 'node:events';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { RcClient, RcConnectionError, RcError } from './rc-client.js';

let server: Server | undefined;
let client: RcClient | undefined;

async function serve(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<RcClient> {
  server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  client = new RcClient(address.port, 'u', 'p');
  return client;
}
afterEach(() => {
  client?.close();
  server?.close();
  server?.closeAllConnections();
});

async function thrownBy(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    return error;
  }
}

describe('RcClient', () => {
  it('sends method, credentials and parameters, and reuses its connection', async () => {
    const sockets = new Set<unknown>();
    const rc = await serve((request, response) => {
      sockets.add(request.socket);
      request.setEncoding('utf8').once('data', (body: unknown) => {
        response.end(JSON.stringify({ body, url: request.url, auth: request.headers.authorization }));
      });
    });
    const answer = {
      body: '{"a":1}',
      url: '/core/stats',
      auth: `Basic ${Buffer.from('u:p').toString('base64')}`,
    };
    expect(await rc.call('core/stats', { a: 1 })).toEqual(answer);
    expect(await rc.call('core/stats', { a: 1 })).toEqual(answer);
    expect(sockets.size).toBe(1);
  });

  it('tells status and text of an error and nothing of the input', async () => {
    const rc = await serve((_request, response) => {
      response.statusCode = 404;
      response.end('{"error":"directory not found","input":{"pass":"hunter2"},"path":"x","status":404}');
    });
    const error = await thrownBy(rc.call('config/create', { pass: 'hunter2' }));
    expect(error).toBeInstanceOf(RcError);
    expect(error).toMatchObject({ status: 404, message: 'directory not found', method: 'config/create' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hunter2');
  });

  it.each([
    ['text', 'hello'],
    ['a list', '[]'],
    ['nothing', ''],
  ])('does not take %s for an answer', async (_what, body) => {
    const rc = await serve((_request, response) => response.end(body));
    await expect(rc.call('x', {})).rejects.toThrow(RcConnectionError);
  });

  it('gives up on silence, before the answer and in the middle of it', async () => {
    const silent = await serve(() => {});
    await expect(silent.call('x', {}, { timeoutMs: 30 })).rejects.toThrow(/x: none within 30 ms/);
    const halting = await serve((_request, response) => {
      response.write('{"a":');
    });
    await expect(halting.call('x', {}, { timeoutMs: 100 })).rejects.toThrow(RcConnectionError);
  });

  it('fails when nobody listens or the connection breaks', async () => {
    const rc = await serve((request) => request.socket.destroy());
    await expect(rc.call('x', {})).rejects.toThrow(RcConnectionError);
    server?.close();
    await expect(rc.call('x', {})).rejects.toThrow(RcConnectionError);
  });

  it('stops waiting when aborted', async () => {
    const abort = new AbortController();
    const rc = await serve(() => abort.abort());
    await expect(rc.call('x', {}, { signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(rc.call('x', {}, { signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('does not swallow an endless answer', async () => {
    const rc = await serve((_request, response) => {
      const block = Buffer.alloc(1024 * 1024, ' ');
      const more = (): void => {
        while (!response.destroyed && response.write(block));
      };
      response.on('drain', more);
      more();
    });
    await expect(rc.call('x', {})).rejects.toThrow(/larger than 64 MiB/);
  });
});
