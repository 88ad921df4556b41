import { expect, it } from 'vitest';
import type { RemoteType } from '../types/remote-types.js';
import { spellingOfRemote } from './spelling-of-remote.js';

it.each<[RemoteType, RemoteType[], string, boolean, boolean]>([
  ['local', [], 'linux', false, false],
  ['local', [], 'darwin', true, true],
  ['local', [], 'win32', true, true],
  ['s3', [], 'darwin', false, false],
  ['onedrive', [], 'linux', true, true],
  ['dropbox', [], 'linux', true, true],
  ['alias', ['local'], 'linux', false, false],
  ['alias', ['local'], 'win32', true, false],
  ['crypt', ['onedrive'], 'linux', true, false],
  ['union', ['s3', 'dropbox'], 'linux', true, false],
])('%s of %j on %s: denials ignore case %s, allowances %s', (type, madeOf, host, denied, allowed) => {
  expect(spellingOfRemote(type, madeOf, host)).toEqual({
    denied: { ignoresCase: denied },
    allowed: { ignoresCase: allowed },
  });
});
