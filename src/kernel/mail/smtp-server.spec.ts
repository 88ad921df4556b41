import { expect, it } from 'vitest';
import { smtpOptions } from './smtp-server.js';

it.each([
  ['smtp://mail.example.org', { host: 'mail.example.org', port: 587, secure: false, requireTLS: false }],
  ['smtp://mail.example.org:25', { port: 25, ignoreTLS: false }],
  ['smtp://u:p@mail.example.org', { requireTLS: true, ignoreTLS: false, auth: { user: 'u', pass: 'p' } }],
  ['smtps://u:p%40@mail.example.org', { port: 465, secure: true, auth: { user: 'u', pass: 'p@' } }],
  ['smtp://u:p@127.0.0.1:1025', { requireTLS: false, ignoreTLS: true }],
  ['smtp://[::1]:1025', { host: '::1', ignoreTLS: true }],
  ['smtps://localhost', { secure: true, ignoreTLS: false }],
  // A name that only looks like the machine itself is somebody else's.
  ['smtp://u:p@127.0.0.1.example.org', { requireTLS: true, ignoreTLS: false }],
])('%s', (url, expected) => {
  expect(smtpOptions(url)).toMatchObject(expected);
});
