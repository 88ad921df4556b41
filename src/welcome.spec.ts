import { expect, it } from 'vitest';
import { loadSettings } from './kernel/config/index.js';
import { welcome } from './welcome.js';

const database = 'PostgreSQL at db:5432/steward';
const made = {
  admin: { email: 'admin@steward.local', oneTimePassword: 'shown-once' },
  demo: true,
  demoUser: { email: 'demo@steward.local', password: 'demo-once' },
};
const nothing = { admin: null, demo: false, demoUser: null };

it.each([['http://127.0.0.1:3000'], [null]])(
  'tells the passwords of the accounts it has made, serving at %s',
  (url) => {
    const text = welcome({ url, database, seeded: made }, loadSettings({ STEWARD_ROLE: 'worker' }));
    expect(text).toContain('admin@steward.local');
    expect(text).toContain('password: shown-once   (shown this once)');
    expect(text).toContain('password: demo-once   (shown this once)');
  },
);

it('says only what it runs as when it serves nothing and has made nothing', () => {
  const settings = loadSettings({ STEWARD_ROLE: 'worker', REDIS_URL: 'redis://redis' });
  const text = welcome({ url: null, database, seeded: nothing }, settings);
  expect(text).toBe('\nSteward runs as worker. PostgreSQL at db:5432/steward, queue on Redis.\n');
});

it('does not repeat a password that the operator chose', () => {
  const admin = { email: 'admin@steward.local', oneTimePassword: null };
  const text = welcome(
    { url: 'http://127.0.0.1:3000', database, seeded: { ...nothing, admin } },
    loadSettings({ STEWARD_ADMIN_PASSWORD: 'chosen by hand' }),
  );
  expect(text).toContain('the one in STEWARD_ADMIN_PASSWORD');
  expect(text).not.toContain('chosen by hand');
});

it('says where mail goes, without the password of the server', () => {
  const url = 'http://127.0.0.1:3000';
  const textFor = (environment: Record<string, string>): string =>
    welcome({ url, database, seeded: nothing }, loadSettings(environment));
  expect(textFor({ STEWARD_DATA_DIR: '/srv/steward' })).toContain('/srv/steward/outbox');
  const STEWARD_SMTP_URL = 'smtp://user:hunter2@mail.example.org:25';
  const text = textFor({ STEWARD_SMTP_URL, STEWARD_MAIL_FROM: 'me@example.org' });
  expect(text).toContain('mail.example.org:25');
  expect(text).not.toContain('hunter2');
});
