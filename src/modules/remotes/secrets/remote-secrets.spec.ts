import { describe, expect, it } from 'vitest';
import type { Settings } from '../../../kernel/config/index.js';
import { Keyring } from '../../../kernel/crypto/index.js';
import { quietLog } from '../../../../test/harness/quiet-log.js';
import { RemoteSecrets } from './remote-secrets.js';
import { withoutSecrets } from './without-secrets.js';

const FIRST = 'the first key of this test, long enough';
const SECOND = 'the second key of this test, long enough';
const SIGNING = 'the signing secret of this test, long enough';

const box = (key?: string, previous?: string, signing = SIGNING): RemoteSecrets =>
  new RemoteSecrets(
    { remotesKey: key, remotesPreviousKey: previous } as Settings,
    new Keyring(signing),
    quietLog(),
  );
const secrets = { password: 'گذرواژه 🔑', privateKey: 'k' };

describe('RemoteSecrets', () => {
  it('opens what it has sealed, for the same remote alone', () => {
    const sealed = box().seal('a', secrets);
    expect(box().open('a', sealed)).toEqual(secrets);
    expect(() => box().open('b', sealed)).toThrow(
      expect.objectContaining({ code: 'remote_secrets_unreadable' }),
    );
    expect(sealed?.includes(Buffer.from('privateKey'))).toBe(false);
    expect([box().seal('a', {}), box().open('a', null)]).toEqual([null, {}]);
  });

  it('opens what the key before has sealed, and the one of the signing secret', () => {
    expect(box(SECOND, FIRST).open('a', box(FIRST).seal('a', secrets))).toEqual(secrets);
    expect(box(FIRST).open('a', box().seal('a', secrets))).toEqual(secrets);
    // A changed signing secret is given as the key before.
    expect(box(undefined, SIGNING, SECOND).open('a', box().seal('a', secrets))).toEqual(secrets);
    expect(() => box(SECOND).open('a', box(FIRST).seal('a', secrets))).toThrow(/Enter them again/);
  });

  it('renews what is not under the key of now', () => {
    const old = box(FIRST).seal('a', secrets) ?? Buffer.alloc(0);
    const renewed = box(SECOND, FIRST).renewed('a', old);
    expect(renewed).toBeInstanceOf(Buffer);
    expect(box(SECOND).open('a', renewed as Buffer)).toEqual(secrets);
    expect(box(SECOND, FIRST).renewed('a', renewed as Buffer)).toBeNull();
    expect(box(SECOND).renewed('a', old)).toBe('unreadable');
  });
});

describe('withoutSecrets', () => {
  const remote = (type: string, options: object, parts: object[] = []) =>
    ({ id: 'x', type, root: '', version: 1, options, parts }) as never;

  it('leaves nothing of what a remote and its parts log in with', () => {
    const token = JSON.stringify({ access_token: 'access-12345', refresh_token: 'refresh-6789' });
    const part = { remote: remote('dropbox', { token }), path: '', name: null, readOnly: false };
    const whole = remote('crypt', { password: 'p&ss word/1' }, [part]);
    const message = `p&ss word/1 ${encodeURIComponent('p&ss word/1')} ${token} "refresh-6789" access-12345`;
    const told = withoutSecrets(message, whole);
    for (const bit of ['ss word', 'ss%20word', 'access-12345', 'refresh-6789'])
      expect(told).not.toContain(bit);
  });

  it('keeps what is no secret', () => {
    expect(
      withoutSecrets(
        'dial files.example.org: refused',
        remote('sftp', { host: 'files.example.org', pass: 'abc' }),
      ),
    ).toBe('dial files.example.org: refused');
  });
});
