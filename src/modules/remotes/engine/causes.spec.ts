import { describe, expect, it } from 'vitest';
import { causeOf } from './causes.js';
import { Redactor } from './redactor.js';
import type { EngineRemote } from './transfer-engine.js';

describe('causeOf', () => {
  it.each([
    [
      "couldn't connect SSH: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password], no supported methods remain",
      'auth',
    ],
    ['failed to parse private key file: ssh: no key found', 'auth'],
    ['Unauthorized: 401 Unauthorized', 'auth'],
    ['SignatureDoesNotMatch: The request signature we calculated does not match\n\tstatus code: 403', 'auth'],
    ['InvalidAccessKeyId: The AWS Access Key Id does not exist in our records. status code: 403', 'auth'],
    ['couldn\'t fetch token - maybe it has expired? - refresh with "rclone config reconnect"', 'auth'],
    ['oauth2: cannot fetch token: 400 Bad Request Response: {"error": "invalid_grant"}', 'auth'],
    ['530 Login incorrect', 'auth'],
    ['expired_access_token/', 'auth'],
    ['Forbidden: Forbidden status code: 403', 'permission'],
    ['AccessDenied: Access Denied status code: 403', 'permission'],
    ['open /x: permission denied', 'permission'],
    ['sftp: "Permission denied" (SSH_FX_PERMISSION_DENIED)', 'permission'],
    ['http remotes are read only', 'not_supported'],
    ["WebDAV root '' doesn't support about", 'not_supported'],
    ['directory not found', 'not_found'],
    ['NoSuchBucket: The specified bucket does not exist status code: 404', 'not_found'],
    ['Not Found: 404 Not Found', 'not_found'],
    ['remove /x: directory not empty', 'exists'],
    ['mkdir /x: not a directory', 'exists'],
    ['write /x: no space left on device', 'fatal'],
    ['Insufficient Storage: 507 Insufficient Storage', 'fatal'],
    ['googleapi: Error 403: User rate limit exceeded, userRateLimitExceeded', 'temporary'],
    ['SlowDown: Please reduce your request rate. status code: 503', 'temporary'],
    ['dial tcp 127.0.0.1:1: connect: connection refused', 'temporary'],
    ['something nobody has seen', 'temporary'],
    ['open 401 Unauthorised letters.txt: input/output error', 'temporary'],
  ])('%s: %s', (text, kind) => {
    expect(causeOf(text)).toBe(kind);
  });
});

describe('Redactor', () => {
  const remote = (options: EngineRemote['options'], root = '', type: EngineRemote['type'] = 'sftp') =>
    ({ id: 'x', type, root, version: 1, options, parts: [] }) satisfies EngineRemote;

  it('cuts out what a remote and its parts log in with, however it is written', () => {
    const token = '{"access_token":"abcdefgh-access","refresh_token":"abcdefgh-refresh"}';
    const part = { remote: remote({ token }), path: '' as never, name: null, readOnly: false };
    const all = { ...remote({ pass: 'se cret/1', user: 'visible' }), parts: [part] };
    const redactor = new Redactor([all]);
    const text = `user visible, se cret/1, https://u:pw@host/?sig=abc&x=1 ${encodeURIComponent('se cret/1')} abcdefgh-access Bearer abc.def`;
    expect(redactor.text(text)).toBe('user visible, ***, https://***@host/?sig=***&x=1 *** *** Bearer ***');
  });

  it('cuts folders of the server out, the longest first, and every line but the first', () => {
    const redactor = new Redactor([remote({}, '/srv', 'local'), remote({}, '/srv/data/', 'local')]);
    expect(redactor.text('open /srv/data/x: no\npanic: 0xc000')).toBe('open /x: no');
  });

  it('leaves texts alone that are too short to be cut', () => {
    expect(new Redactor([remote({ pass: 'x' })]).text('max x')).toBe('max x');
  });

  it('shows what S3 says in its second line, and nothing of what follows otherwise', () => {
    const redactor = new Redactor([remote({ secret_access_key: 'a very secret key' })]);
    const s3 =
      'RequestError: send request failed\ncaused by: Get "https://h/?key=x": a very secret key\nmore';
    expect(redactor.text(s3)).toBe('RequestError: send request failed: Get "https://h/?key=***": ***');
    expect(redactor.text('first\nsecond caused by: third')).toBe('first');
  });
});
