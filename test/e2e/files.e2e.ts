import { createHash, randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp } from '../harness/app.js';
import { rclonePresent } from '../harness/capabilities.js';
import { FileClient, problemOf } from '../harness/file-client.js';
import { until } from '../harness/until.js';

const NAMES = [
  '한국어 파일.txt',
  'cafe\u0301',
  '[x]{y}*?',
  '-rf',
  'a%2e%2e%2fb',
  'ไทย; "quoted" \'name\'',
  '😀#1',
];

describe.skipIf(!rclonePresent())('single files through rclone', () => {
  let app: TestApp;
  let files: FileClient;
  let folder: string;

  beforeAll(async () => {
    app = await TestApp.start({ environment: { STEWARD_UPLOAD_LIMIT_MB: '64' } });
    files = await FileClient.start(app);
    const { body } = await app.call<{ root: string }>('GET', `/api/remotes/${files.remoteId}`);
    folder = body.root;
  });
  afterAll(() => app.stop());

  interface Body {
    readonly items: { readonly name: string }[];
    readonly code: string;
    readonly path: string;
  }
  const call = (method: string, place: string, body?: object) =>
    app.call<Body>(method, `/api/remotes/${files.remoteId}/files${place}`, body ? { body } : {});
  const at = (file: string): string => `?path=${encodeURIComponent(file)}`;

  it('are uploaded, listed, fetched, renamed and deleted under any name', async () => {
    expect((await call('POST', '/folders', { path: '/names' })).status).toBe(201);
    for (const name of NAMES) {
      const made = await files.put(`/names/${name}`, `content of ${name}`);
      expect([name, made.status]).toEqual([name, 201]);
    }
    expect((await readdir(path.join(folder, 'names'))).toSorted()).toEqual(NAMES.toSorted());
    const { body } = await call('GET', at('/names'));
    expect(body.items.map(({ name }) => name)).toEqual(NAMES.toSorted());
    for (const name of NAMES) {
      const answer = await files.get(`/names/${name}`);
      expect([name, await answer.text()]).toEqual([name, `content of ${name}`]);
      const part = await files.get(`/names/${name}`, {
        range: 'bytes=0-6',
        'if-range': answer.headers.get('etag') ?? '',
      });
      expect([name, part.status, await part.text()]).toEqual([name, 206, 'content']);
      const to = `/moved/${name}`;
      expect((await call('POST', '/rename', { from: `/names/${name}`, to })).body.path).toBe(to);
    }
    expect((await call('DELETE', at('/moved'))).body.code).toBe('folder_not_empty');
    for (const name of NAMES) expect((await call('DELETE', at(`/moved/${name}`))).status).toBe(204);
    for (const place of ['/moved', '/names']) expect((await call('DELETE', at(place))).status).toBe(204);
    expect(await readdir(folder)).toEqual([]);
  });

  it('keep every byte, in both directions', async () => {
    const content = randomBytes(20_000_000);
    const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
    expect((await files.put('/large', content)).status).toBe(201);
    expect(hash(await readFile(path.join(folder, 'large')))).toBe(hash(content));
    const answer = await files.get('/large');
    expect(answer.headers.get('content-length')).toBe('20000000');
    expect(hash(new Uint8Array(await answer.arrayBuffer()))).toBe(hash(content));
    const middle = await files.get('/large', { range: 'bytes=9999990-10000009' });
    expect(hash(new Uint8Array(await middle.arrayBuffer()))).toBe(
      hash(content.subarray(9_999_990, 10_000_010)),
    );
    expect((await files.put('/empty', '')).status).toBe(201);
    expect(await (await files.get('/empty')).text()).toBe('');
  });

  it('are kept where a folder or another file is, and where the client says so', async () => {
    await files.put('/kept/file', 'old');
    expect(await problemOf(await files.put('/kept', 'x'))).toEqual([409, 'is_a_folder']);
    expect((await call('POST', '/folders', { path: '/kept/file' })).body.code).toBe('file_exists');
    await files.put('/kept/other', 'x');
    const rename = await call('POST', '/rename', { from: '/kept/other', to: '/kept/file' });
    expect([rename.status, rename.body.code]).toEqual([409, 'file_exists']);
    const headers = { 'if-none-match': '*' };
    expect(await problemOf(await files.put('/kept/file', 'new', headers))).toEqual([
      412,
      'precondition_failed',
    ]);
    expect(await readFile(path.join(folder, 'kept/file'), 'utf8')).toBe('old');
    expect((await files.put('/kept/file/below', 'x')).status).toBeLessThan(500);
  });

  it('are what they were, with nothing beside them, when the client goes in the middle', async () => {
    await files.put('/half/file', 'old');
    const request = http.request(files.place('/half/file'), {
      method: 'PUT',
      headers: { authorization: files.authorization, 'content-length': '10000000' },
    });
    request.on('error', () => undefined);
    request.write(randomBytes(2_000_000));
    await until(async () => (await readdir(path.join(folder, 'half'))).length > 1, {
      describe: 'waiting for the new file beside the old one',
    });
    request.destroy();
    await until(async () => (await readdir(path.join(folder, 'half'))).length === 1, {
      describe: 'waiting for it to be removed',
    });
    expect(await readFile(path.join(folder, 'half/file'), 'utf8')).toBe('old');
    await until(async () => (await files.put('/half/file', 'new')).status === 200, {
      describe: 'waiting for the upload to be over',
    });
  });

  it('are read no further than the client reads', async () => {
    await files.put('/stopped', randomBytes(30_000_000));
    const request = http.get(files.place('/stopped'), { headers: { authorization: files.authorization } });
    await new Promise<void>((resolve) => {
      request.on('response', (answer) => {
        answer.once('data', () => {
          answer.destroy();
          resolve();
        });
      });
    });
    expect((await files.get('/stopped', { range: 'bytes=0-0' })).status).toBe(206);
  });
});
