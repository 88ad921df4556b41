import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApp } from '../../../../test/harness/app.js';
import { MemoryEngine } from '../../../../test/harness/memory-engine.js';
import { until } from '../../../../test/harness/until.js';
import { TransferEngine, TransferError } from '../engine/transfer-engine.js';

let app: TestApp;
let engine: MemoryEngine;
let id: string;

beforeAll(async () => {
  app = await TestApp.start({ environment: { STEWARD_UPLOAD_LIMIT_MB: '8' } });
  engine = MemoryEngine.in(app);
  const body = {
    type: 'local',
    name: 'content',
    root: path.join(app.settings.localRoots[0] ?? '', 'content'),
  };
  ({ id } = (await app.call<{ id: string }>('POST', '/api/remotes', { body })).body);
});
afterAll(() => app.stop());
beforeEach(() => {
  engine.files.clear();
  engine.asked.length = 0;
  engine.source = engine.sink = null;
});

const told = (what: string) => ({ describe: () => `waiting for ${what}` });
const place = (file: string): string => `/api/remotes/${id}/files/content?path=${encodeURIComponent(file)}`;
const authorization = (): string => `Bearer ${app.adminToken}`;
const send = (file: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Response> =>
  fetch(`${app.url}${place(file)}`, {
    ...init,
    headers: { authorization: authorization(), ...(init.headers as Record<string, string>) },
  });
const get = (file: string, headers: Record<string, string> = {}): Promise<Response> =>
  send(file, { headers });
const put = (
  file: string,
  body: RequestInit['body'],
  headers: Record<string, string> = {},
): Promise<Response> => send(file, { method: 'PUT', body, headers, duplex: 'half' });
const problem = async (answer: Response): Promise<[number, string]> => [
  answer.status,
  ((await answer.json()) as { code: string }).code,
];

describe('a download', () => {
  it('is the whole file, to be saved and not to be shown', async () => {
    engine.put('a/한글 "1".html', '<script>alert(1)</script>');
    const answer = await get('/a/한글 "1".html');
    expect(await answer.text()).toBe('<script>alert(1)</script>');
    const headers = Object.fromEntries(answer.headers);
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="______ _1_.html"; filename*=UTF-8''%ED%95%9C%EA%B8%80%20%221%22.html`,
      'content-length': '25',
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache, no-transform',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
      'last-modified': 'Fri, 20 Nov 2026 09:00:00 GMT',
      etag: expect.stringMatching(/^"[0-9a-z]+-[0-9a-z]+"$/) as string,
    });
  });

  it('is a part where one is asked for, and only that is read', async () => {
    engine.put('a', '0123456789');
    for (const [range, text, told] of [
      ['bytes=2-4', '234', 'bytes 2-4/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-2', '89', 'bytes 8-9/10'],
    ] as const) {
      const answer = await get('/a', { range });
      expect([answer.status, await answer.text(), answer.headers.get('content-range')]).toEqual([
        206,
        text,
        told,
      ]);
      expect(answer.headers.get('content-length')).toBe(String(text.length));
    }
    expect(engine.asked.filter((one) => one.startsWith('read'))).toEqual([
      'read a 2-4',
      'read a 7-9',
      'read a 8-9',
    ]);
  });

  it('answers a range the file does not have with its size', async () => {
    engine.put('a', '0123456789');
    engine.put('empty', '');
    for (const [file, range, size] of [
      ['/a', 'bytes=10-', 10],
      ['/a', `bytes=${'9'.repeat(300)}-`, 10],
      ['/empty', 'bytes=0-', 0],
    ] as const) {
      const answer = await get(file, { range });
      expect(answer.headers.get('content-range')).toBe(`bytes */${size}`);
      expect(await problem(answer)).toEqual([416, 'range_not_satisfiable']);
    }
    expect(engine.asked.some((one) => one.startsWith('read'))).toBe(false);
  });

  it('reads the file once however many ranges are asked for', async () => {
    engine.put('a', '0123456789');
    const answer = await get('/a', { range: `bytes=${Array.from({ length: 1_000 }, () => '0-').join(',')}` });
    expect([answer.status, await answer.text()]).toEqual([200, '0123456789']);
    expect(engine.asked.filter((one) => one.startsWith('read'))).toEqual(['read a all']);
  });

  it('of an empty file is empty', async () => {
    engine.put('empty', '');
    const answer = await get('/empty');
    expect([answer.status, await answer.text(), answer.headers.get('content-length')]).toEqual([
      200,
      '',
      '0',
    ]);
  });

  it('answers conditions', async () => {
    engine.put('a', '0123456789');
    const etag = (await get('/a')).headers.get('etag') ?? '';
    engine.asked.length = 0;
    const same = await get('/a', { 'if-none-match': etag });
    expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', etag]);
    expect((await get('/a', { 'if-match': '"x"' })).status).toBe(412);
    expect((await get('/a', { range: 'bytes=10-', 'if-match': '"x"' })).status).toBe(412);
    expect(engine.asked.some((one) => one.startsWith('read'))).toBe(false);
    const range = 'bytes=0-1';
    expect((await get('/a', { range, 'if-range': etag })).status).toBe(206);
    expect((await get('/a', { range, 'if-range': '"x"' })).status).toBe(200);
    expect((await get('/a', { range, 'if-range': 'Fri, 20 Nov 2026 08:00:00 GMT' })).status).toBe(200);
  });

  it('of which only the headers are wanted reads nothing', async () => {
    engine.put('a', '0123456789');
    const answer = await send('/a', { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([
      200,
      '10',
      '',
    ]);
    const part = await send('/a', { method: 'HEAD', headers: { range: 'bytes=1-2' } });
    expect([part.status, part.headers.get('content-length')]).toEqual([206, '2']);
    expect((await send('/no', { method: 'HEAD' })).status).toBe(404);
    expect(engine.asked.some((one) => one.startsWith('read'))).toBe(false);
  });

  it('is opened by a ticket, once', async () => {
    engine.put('a', 'abc');
    const { body } = await app.call<{ ticket: string }>('POST', '/api/auth/tickets', { body: {} });
    const once = (): Promise<Response> => fetch(`${app.url}${place('/a')}&ticket=${body.ticket}`);
    expect(await (await once()).text()).toBe('abc');
    expect((await once()).status).toBe(401);
  });

  it('is of files only', async () => {
    engine.put('folder/a', 'x');
    expect(await problem(await get('/folder'))).toEqual([409, 'is_a_folder']);
    expect(await problem(await get('/'))).toEqual([409, 'is_a_folder']);
    expect(await problem(await get('/no'))).toEqual([404, 'file_not_found']);
  });

  it('tells of a storage that fails before the first byte, and is cut where it fails later', async () => {
    engine.put('a', '0123456789');
    engine.failures.set('read', new TransferError('temporary', 'Nobody answers.'));
    expect(await problem(await get('/a'))).toEqual([503, 'transfer_temporary']);
    engine.source = () => Readable.from(failing(), { objectMode: false });
    async function* failing(): AsyncGenerator<Buffer> {
      if (engine.asked.length < 0) yield Buffer.from('never');
      throw new Error('socket hang up');
    }
    expect(await problem(await get('/a'))).toEqual([503, 'transfer_temporary']);
    const source = new PassThrough();
    engine.source = () => source;
    source.write('01234');
    const answer = await get('/a');
    expect(answer.status).toBe(200);
    source.destroy(new Error('socket hang up'));
    await expect(answer.text()).rejects.toThrow();
  });

  it.each([
    ['more', '0123456789AB'],
    ['fewer', '01234'],
  ])('is cut where the file has %s bytes than it had', async (_, content) => {
    engine.put('a', '0123456789');
    engine.source = () =>
      Readable.from([Buffer.from('0'), Buffer.from(content.slice(1))], { objectMode: false });
    // What comes too late for a problem document breaks the line.
    const outcome = get('/a').then(async (answer) => {
      await answer.text();
      return answer.status;
    });
    expect([503, 'cut']).toContain(await outcome.catch(() => 'cut'));
  });

  it('ends the reading when the client goes, and holds no more than a few chunks of a huge file', async () => {
    engine.put('huge', 'x');
    const size = 10 ** 15;
    const { stat } = engine;
    engine.stat = async (remote, file) => ({ ...(await stat.call(engine, remote, file))!, size });
    let given = 0;
    const source = new Readable({
      read(bytes) {
        given += bytes;
        this.push(Buffer.alloc(bytes));
      },
    });
    engine.source = () => source;
    app.get(TransferEngine).stat = engine.stat.bind(engine);
    try {
      const request = http.get(`${app.url}${place('/huge')}`, {
        headers: { authorization: authorization() },
      });
      const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
      expect(answer.headers['content-length']).toBe(String(size));
      await once(answer, 'data');
      answer.pause();
      // Until the buffers on the way are full: then nothing more is read far away.
      let before = -1;
      await until(() => {
        const stands = given === before;
        before = given;
        return stands;
      }, told('that nothing more is read'));
      expect(given).toBeLessThan(64 * 1_048_576);
      request.destroy();
      await until(() => source.destroyed, told('the end of the reading'));
    } finally {
      app.get(TransferEngine).stat = stat.bind(engine);
    }
  });
});

describe('an upload', () => {
  it('makes a file, and replaces one', async () => {
    const made = await put('/a/b [1].txt', 'abc');
    expect([made.status, await made.json()]).toMatchObject([
      201,
      { name: 'b [1].txt', path: '/a/b [1].txt', size: 3 },
    ]);
    expect(made.headers.get('etag')).toBe((await get('/a/b [1].txt')).headers.get('etag'));
    const replaced = await put('/a/b [1].txt', 'abcde', { 'content-type': 'application/json' });
    expect([replaced.status, engine.files.get('a/b [1].txt')?.toString()]).toEqual([200, 'abcde']);
  });

  it('takes bytes as they are: JSON, forms, nothing at all, and more than any JSON body may have', async () => {
    const large = Buffer.alloc(3_000_000, 7);
    for (const [file, body, type] of [
      ['json', '{"a": 1, "a": 2', 'application/json'],
      ['form', 'a=b', 'application/x-www-form-urlencoded'],
      ['nothing', '', 'text/plain'],
      ['large', large, 'application/json; charset=utf-8'],
      ['strange', 'x', 'no type at all'],
    ] as const) {
      expect([file, (await put(`/${file}`, body, { 'content-type': type })).status]).toEqual([file, 201]);
      expect(engine.files.get(file)?.equals(Buffer.from(body))).toBe(true);
    }
    const chunks = Readable.toWeb(Readable.from([Buffer.from('ab'), Buffer.from('cd')])) as ReadableStream;
    expect((await put('/chunked', chunks)).status).toBe(201);
    expect(engine.files.get('chunked')?.toString()).toBe('abcd');
  });

  it('is seen in listings at once, and audited', async () => {
    const names = async (): Promise<string[]> => {
      const { body } = await app.call<{ items: { name: string }[] }>('GET', `/api/remotes/${id}/files`);
      return body.items.map(({ name }) => name);
    };
    expect(await names()).toEqual([]);
    await put('/seen', 'abc');
    expect(await names()).toEqual(['seen']);
    const { body } = await app.call<{ items: { action: string; details: object }[] }>(
      'GET',
      `/api/audit-logs?resourceId=${id}&limit=1`,
    );
    expect(body.items).toMatchObject([{ action: 'remote.file_write', details: { path: '/seen', bytes: 3 } }]);
  });

  it('keeps what is there where the client says so', async () => {
    engine.put('a', 'old');
    expect(await problem(await put('/a', 'new', { 'if-none-match': '*' }))).toEqual([
      412,
      'precondition_failed',
    ]);
    expect(await problem(await put('/a', 'new', { 'if-match': '"x"' }))).toEqual([
      412,
      'precondition_failed',
    ]);
    expect(await problem(await put('/b', 'new', { 'if-match': '*' }))).toEqual([412, 'precondition_failed']);
    expect(engine.files.get('a')?.toString()).toBe('old');
    const etag = (await get('/a')).headers.get('etag') ?? '';
    expect((await put('/a', 'new', { 'if-match': etag })).status).toBe(200);
    expect((await put('/b', 'new', { 'if-none-match': '*' })).status).toBe(201);
  });

  it('is of files only', async () => {
    engine.put('folder');
    expect(await problem(await put('/folder', 'x'))).toEqual([409, 'is_a_folder']);
    expect(await problem(await put('/', 'x'))).toEqual([409, 'is_a_folder']);
  });

  it('is refused where it is only a part, is packed, or comes from nobody', async () => {
    expect((await put('/a', 'x', { 'content-range': 'bytes 0-0/2' })).status).toBe(400);
    expect(await problem(await put('/a', 'x', { 'content-encoding': 'gzip' }))).toEqual([
      415,
      'content_encoding',
    ]);
    expect((await put('/a', Buffer.alloc(3_000_000), { authorization: 'Bearer x' })).status).toBe(401);
    expect(engine.files.size).toBe(0);
    // Elsewhere the media type counts as before.
    const answer = await app.call('POST', '/api/remotes', {
      body: {},
      headers: { 'content-type': 'text/plain' },
    });
    const inside = await app.call('POST', '/api/remotes', {
      body: {},
      headers: { 'content-type': 'application/x-steward-streamed' },
    });
    expect([answer.status, inside.status]).toEqual([415, 415]);
  });

  it('ends at the limit, told beforehand or not', async () => {
    const tooMuch = Buffer.alloc(8_000_001);
    expect(await problem(await put('/a', tooMuch))).toEqual([413, 'file_too_large']);
    expect(engine.asked).toEqual([]);
    const chunks = Readable.toWeb(
      Readable.from([tooMuch.subarray(0, 5_000_000), tooMuch.subarray(5_000_000)]),
    );
    expect(await problem(await put('/a', chunks as ReadableStream))).toEqual([413, 'file_too_large']);
    expect(engine.files.has('a')).toBe(false);
    expect((await put('/a', tooMuch.subarray(1))).status).toBe(201);
  });

  it('tells what the storage says, with the rest of the body thrown away', async () => {
    engine.sink = () => Promise.reject(new TransferError('fatal', 'write: no space left on device'));
    expect(await problem(await put('/a', Buffer.alloc(3_000_000)))).toEqual([507, 'storage_full']);
    engine.sink = () => Promise.reject(new TransferError('temporary', 'Nobody answers.'));
    expect(await problem(await put('/a', Buffer.alloc(3_000_000)))).toEqual([503, 'transfer_temporary']);
    engine.sink = null;
    expect((await put('/a', 'x')).status).toBe(201);
  });

  it('of two at once to one path is done once', async () => {
    let finish: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (finish = resolve));
    engine.sink = async (content) => {
      await waiting;
      return buffer(content);
    };
    const first = put('/caf\u00e9', 'first');
    await until(() => engine.asked.some((one) => one.startsWith('write')), told('the first upload'));
    expect(await problem(await put('/cafe\u0301', 'second'))).toEqual([409, 'upload_in_progress']);
    finish();
    expect((await first).status).toBe(201);
    expect(engine.files.get('caf\u00e9')?.toString()).toBe('first');
    expect((await put('/caf\u00e9', 'third')).status).toBe(200);
  });

  it('ends in error far away when the client goes', async () => {
    let signal: AbortSignal | null = null;
    let failure: unknown = null;
    engine.sink = (content, given) => {
      signal = given;
      return buffer(content).catch((error: unknown) => {
        failure = error;
        throw error;
      });
    };
    const request = http.request(`${app.url}${place('/half')}`, {
      method: 'PUT',
      headers: { authorization: authorization(), 'content-length': '1000000' },
    });
    request.on('error', () => undefined);
    request.write(Buffer.alloc(1_000));
    await until(() => signal !== null, told('the writing'));
    request.destroy();
    await until(() => failure !== null, told('its failure'));
    expect(signal!.aborted).toBe(true);
    expect(engine.files.has('half')).toBe(false);
    await until(async () => {
      const { body } = await app.call<{ items: { result: string }[] }>(
        'GET',
        `/api/audit-logs?resourceId=${id}&limit=1`,
      );
      return body.items[0]?.result === 'error';
    }, told('its audit entry'));
    expect((await put('/half', 'all')).status).toBe(201);
  });
});
