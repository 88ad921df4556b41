import { describe, expect, it } from 'vitest';
import { parseRemotePath } from '../remote-path.js';
import type { RemoteType } from '../types/remote-types.js';
import { KnownRemotes } from './known-remotes.js';
import { type EngineRemote, type RemotePart, TransferError } from './transfer-engine.js';

const remote = (id: string, type: RemoteType, over: Partial<EngineRemote> = {}): EngineRemote => ({
  id,
  type,
  root: type === 'local' ? '/srv' : '',
  version: 1,
  options: {},
  parts: [],
  ...over,
});
const part = (of: EngineRemote, path = '', over: Partial<RemotePart> = {}): RemotePart => ({
  remote: of,
  path: parseRemotePath(path),
  name: null,
  readOnly: false,
  ...over,
});
const made = (...remotes: EngineRemote[]) =>
  new KnownRemotes(remotes).sections.map(({ name, type, parameters }) => [name, type, parameters]);

describe('KnownRemotes', () => {
  it.each([
    ['sftp', '/', 'b1:/'],
    ['sftp', '/data/x', 'b1:/data/x'],
    ['sftp', '~', 'b1:'],
    ['sftp', '~/a b', 'b1:a b'],
    ['webdav', '/', 'b1:'],
    ['s3', '/bucket/prefix', 'b1:bucket/prefix'],
    ['drive', 'a:b,c=d/:ro "x"', 'b1:a:b,c=d/:ro "x"'],
  ] as const)('%s: the root %s is %s', (type, root, place) => {
    const { sections, names } = new KnownRemotes([remote('x', type, { root })]);
    expect(sections.map(({ name, type: of, parameters }) => [name, of, parameters])).toEqual([
      ['b1', type, {}],
      ['r1', 'alias', { remote: place }],
    ]);
    expect(names).toEqual(new Map([['x', 'r1:']]));
  });

  it('makes a remote once, however often it is part of others', () => {
    const base = remote('base', 's3', { root: 'bucket' });
    const crypt = remote('crypt', 'crypt', { parts: [part(base, 'secret')] });
    const both = new KnownRemotes([crypt, base, crypt]);
    expect(both.sections.map(({ name, type, parameters }) => [name, type, parameters])).toEqual([
      ['b2', 's3', {}],
      ['r1', 'alias', { remote: 'b2:bucket' }],
      ['b1', 'crypt', { remote: 'r1:secret' }],
      ['r2', 'alias', { remote: 'b1:' }],
    ]);
    expect(Object.fromEntries(both.names)).toEqual({ base: 'r1:', crypt: 'r2:' });
  });

  it('lets no path of a part be read for more than a path', () => {
    const base = remote('base', 'local');
    const hostile = 'x:ro y=:local:/etc "z';
    expect(
      made(remote('u', 'union', { parts: [part(base, hostile, { readOnly: true }), part(base)] })),
    ).toEqual([
      ['r1', 'alias', { remote: '/srv' }],
      ['p2', 'alias', { remote: `r1:${hostile}` }],
      ['p3', 'alias', { remote: 'r1:' }],
      ['b1', 'union', { upstreams: 'p2::ro p3:' }],
      ['r2', 'alias', { remote: 'b1:' }],
    ]);
    const named = remote('c', 'combine', { parts: [part(base, 'x', { name: 'my "own" one' })] });
    expect(made(named)).toContainEqual(['b1', 'combine', { upstreams: '"my ""own"" one=p2:"' }]);
  });

  it('knows what rclone calls a type, and whose token is renewed', () => {
    const gcs = remote('g', 'gcs', { options: { token: '{}' } });
    expect(new KnownRemotes([gcs]).sections[0]).toMatchObject({
      type: 'google cloud storage',
      renews: 'g',
    });
  });

  it.each<[string, EngineRemote]>([
    ['an unknown option', remote('x', 'sftp', { options: { ssh: 'touch /tmp/x' } })],
    ['an option of another type', remote('x', 'webdav', { options: { host: 'x' } })],
    ['a command', remote('x', 'webdav', { options: { bearer_token_command: 'x' } })],
    ['a file of the server', remote('x', 'sftp', { options: { key_file: '/etc/shadow' } })],
    ['a name that objects have', remote('x', 'sftp', { options: { constructor: 'x' } })],
    ['the identity of the server', remote('x', 's3', { options: { env_auth: true } })],
    ['a place of its own', remote('x', 'crypt', { options: { remote: '/etc' } })],
    ['a value with a NUL', remote('x', 'sftp', { options: { user: 'a\0b' } })],
    ['a huge value', remote('x', 'sftp', { options: { user: 'x'.repeat(40_000) } })],
    ['a number that is none', remote('x', 'sftp', { options: { port: NaN } })],
    ['a root with dots', remote('x', 'sftp', { root: '/a/../b' })],
    ['a root with wide dots', remote('x', 's3', { root: 'bucket/．．/b' })],
    ['a local root that is a name', remote('x', 'local', { root: 'b1:/etc' })],
    ['no part', remote('x', 'crypt')],
    ['two parts of one', remote('x', 'alias', { parts: [part(remote('a', 'b2')), part(remote('b', 'b2'))] })],
    ['an empty union', remote('x', 'union')],
    ['a folder without a name', remote('x', 'combine', { parts: [part(remote('a', 'b2'))] })],
    ['a folder of two', remote('x', 'combine', { parts: [part(remote('a', 'b2'), '', { name: 'a=b' })] })],
    ['a folder ..', remote('x', 'combine', { parts: [part(remote('a', 'b2'), '', { name: '..' })] })],
  ])('refuses %s', (_what, bad) => {
    expect(() => new KnownRemotes([bad])).toThrow(TransferError);
  });

  it('ends for a remote that is made of itself', () => {
    const parts: RemotePart[] = [];
    const ring = remote('ring', 'alias', { parts });
    parts.push(part(ring));
    expect(() => new KnownRemotes([ring])).toThrow('made of itself');
  });
});
