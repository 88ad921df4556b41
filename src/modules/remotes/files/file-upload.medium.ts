import http from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApp } from '../../../../test/harness/app.js';
import { FileClient, problemOf as problem } from '../../../../test/harness/file-client.js';
import { MemoryEngine } from '../../../../test/harness/memory-engine.js';
import { until } from '../../../../test/harness/until.js';
import { TransferError } from '../engine/transfer-engine.js';

let app: TestApp;
let engine: MemoryEngine;
let files: FileClient;

beforeAll(async () => {
  app = await TestApp.start({ environment: { STEWARD_UPLOAD_LIMIT_MB: '8' } });
  engine = MemoryEngine.in(app);
  files = await FileClient.start(app);
});
afterAll(() => app.stop());
beforeEach(() => engine.reset());

const told = (what: string) => ({ describe: () => `waiting for ${what}` });
const get = (file: string, headers?: Record<string, string>): Promise<Response> => files.get(file, headers);
const put = (...call: Parameters<FileClient['put']>): Promise<Response> => files.put(...call);

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
      const { body } = await app.call<{ items: { name: string }[] }>(
        'GET',
        `/api/remotes/${files.remoteId}/files`,
      );
      return body.items.map(({ name }) => name);
    };
    expect(await names()).toEqual([]);
    await put('/seen', 'abc');
    expect(await names()).toEqual(['seen']);
    const { body } = await app.call<{ items: { action: string; details: object }[] }>(
      'GET',
      `/api/audit-logs?resourceId=${files.remoteId}&limit=1`,
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
    const request = http.request(`${files.place('/half')}`, {
      method: 'PUT',
      headers: { authorization: files.authorization, 'content-length': '1000000' },
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
        `/api/audit-logs?resourceId=${files.remoteId}&limit=1`,
      );
      return body.items[0]?.result === 'error';
    }, told('its audit entry'));
    expect((await put('/half', 'all')).status).toBe(201);
  });
});
