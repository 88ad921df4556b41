import { once } from 'node:events';
import http from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApp } from '../../../../test/harness/app.js';
import { FileClient, problemOf as problem } from '../../../../test/harness/file-client.js';
import { MemoryEngine } from '../../../../test/harness/memory-engine.js';
import { until } from '../../../../test/harness/until.js';
import { TransferEngine, TransferError } from '../engine/transfer-engine.js';

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
    for (const [range, text, part] of [
      ['bytes=2-4', '234', 'bytes 2-4/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-2', '89', 'bytes 8-9/10'],
    ] as const) {
      const answer = await get('/a', { range });
      expect([answer.status, await answer.text(), answer.headers.get('content-range')]).toEqual([
        206,
        text,
        part,
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
    const answer = await files.send('/a', { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([
      200,
      '10',
      '',
    ]);
    const part = await files.send('/a', { method: 'HEAD', headers: { range: 'bytes=1-2' } });
    expect([part.status, part.headers.get('content-length')]).toEqual([206, '2']);
    expect((await files.send('/no', { method: 'HEAD' })).status).toBe(404);
    expect(engine.asked.some((one) => one.startsWith('read'))).toBe(false);
  });

  it('is opened by a ticket, once', async () => {
    engine.put('a', 'abc');
    const { body } = await app.call<{ ticket: string }>('POST', '/api/auth/tickets', { body: {} });
    const open = (): Promise<Response> => fetch(`${files.place('/a')}&ticket=${body.ticket}`);
    expect(await (await open()).text()).toBe('abc');
    expect((await open()).status).toBe(401);
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
    await expect(answer.text()).rejects.toThrow('terminated');
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
      const request = http.get(`${files.place('/huge')}`, {
        headers: { authorization: files.authorization },
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
