import { expect, it } from 'vitest';
import { Keyring } from '../../../kernel/crypto/index.js';
import { newId } from '../../../kernel/database/index.js';
import { AccountTokenSecrets, TOKEN_PURPOSES, parseAccountToken } from './account-token.js';

const secrets = new AccountTokenSecrets(new Keyring('a signing secret of at least 32 characters'));
const others = new AccountTokenSecrets(new Keyring('another signing secret of 32 characters'));
const parsed = (text: string) => parseAccountToken(text) ?? { id: '', secret: '' };

it('makes the same code again from what is stored, and recognises it by its hash', () => {
  const [id, nonce] = [newId(), secrets.nonce()];
  const token = secrets.token(id, 'reset_password', nonce);
  expect(secrets.token(id, 'reset_password', nonce)).toBe(token);
  expect(parsed(token).id).toBe(id);
  expect(Buffer.from(parsed(token).secret, 'base64url')).toHaveLength(32);
  expect(secrets.matches(parsed(token), secrets.hash(id, 'reset_password', nonce))).toBe(true);
});

it('makes another code for another row, purpose, nonce or signing secret', () => {
  const [id, nonce] = [newId(), secrets.nonce()];
  const hash = secrets.hash(id, 'verify_email', nonce);
  const foreign = [
    ...TOKEN_PURPOSES.slice(1).map((purpose) => secrets.token(id, purpose, nonce)),
    secrets.token(newId(), 'verify_email', nonce),
    secrets.token(id, 'verify_email', secrets.nonce()),
    others.token(id, 'verify_email', nonce),
  ];
  for (const token of foreign) expect(secrets.matches(parsed(token), hash)).toBe(false);
  expect(others.matches(parsed(secrets.token(id, 'verify_email', nonce)), hash)).toBe(false);
});

it('stores nothing that a code could be read from', () => {
  const [id, nonce] = [newId(), secrets.nonce()];
  const { secret } = parsed(secrets.token(id, 'verify_email', nonce));
  expect(nonce.toString('base64url')).not.toBe(secret);
  expect(secrets.hash(id, 'verify_email', nonce).toString('base64url')).not.toBe(secret);
});

it.each([
  '',
  'at',
  'at..',
  `at.${newId()}.short`,
  `at.${newId()}.${'x'.repeat(44)}`,
  `rt.${newId()}.${'x'.repeat(43)}`,
  ' ',
  '🔑',
  `at.${newId()}.${'ß'.repeat(43)}`,
  `at.${newId()}.${'x'.repeat(43)}\n`,
])('takes %j for no code', (text) => {
  expect(parseAccountToken(text)).toBeNull();
});
