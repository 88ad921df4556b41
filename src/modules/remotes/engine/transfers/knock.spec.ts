import { describe, expect, it } from 'vitest';
import { parseRemotePath } from '../../remote-path.js';
import { RcConnectionError, RcError } from '../rc-client.js';
import type { EngineRemote } from '../transfer-engine.js';
import { knock } from './knock.js';

const remote = (
  id: string,
  type: EngineRemote['type'],
  parts: readonly EngineRemote[] = [],
): EngineRemote => ({
  id,
  type,
  root: '/',
  version: 1,
  options: {},
  parts: parts.map((part) => ({ remote: part, path: parseRemotePath('/'), name: null, readOnly: false })),
});
const names = new Map([
  ['a', 'r1:'],
  ['b', 'r2:'],
]);
const refused = new RcError(
  'operations/stat',
  500,
  'ssh: unable to authenticate, attempted methods [none password]',
);

async function calls(remotes: readonly EngineRemote[], answer: () => Promise<unknown>): Promise<string[]> {
  const made: string[] = [];
  await knock(
    async (method, parameters) => {
      made.push(`${method} ${(parameters as { fs?: string }).fs ?? ''}`.trim());
      return method === 'operations/stat' ? answer() : {};
    },
    remotes,
    names,
  );
  return made;
}

describe('the first login', () => {
  const sftp = remote('a', 'sftp');

  it('is made once at each SFTP server, also where it is a part of others, and forgotten', async () => {
    const answer = (): Promise<unknown> => Promise.resolve({});
    const crypt = remote('c', 'crypt', [sftp]);
    expect(await calls([sftp, crypt, remote('b', 'sftp'), sftp], answer)).toEqual([
      'operations/stat r1:',
      'operations/stat r2:',
      'fscache/clear',
    ]);
    expect(await calls([remote('a', 'local'), remote('b', 's3')], answer)).toEqual([]);
  });

  it('is the last one when it is refused, and tells of nothing else', async () => {
    await expect(calls([sftp], () => Promise.reject(refused))).rejects.toBe(refused);
    for (const error of [
      new RcError('operations/stat', 500, 'dial tcp: connection refused'),
      new RcConnectionError('operations/stat', 'none within 30000 ms'),
    ])
      expect(await calls([sftp], () => Promise.reject(error))).toEqual([
        'operations/stat r1:',
        'fscache/clear',
      ]);
  });
});
