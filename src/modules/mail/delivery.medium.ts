import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Person } from '../../../test/harness/account.js';
import { TestApp } from '../../../test/harness/app.js';
import { withClient } from '../../../test/harness/database.js';
import { MailServer, smtpError } from '../../../test/harness/mail-server.js';
import { foundMail, mailsSettled } from '../../../test/harness/outbox.js';
import { until } from '../../../test/harness/until.js';

interface MailJob {
  readonly status: string;
  readonly error: string | null;
  readonly error_code: string | null;
  readonly retry_count: number;
}

let server: MailServer;
let app: TestApp;
beforeEach(async () => {
  server = await MailServer.start();
  app = await TestApp.start({
    environment: {
      STEWARD_SMTP_URL: server.url,
      STEWARD_MAIL_FROM: 'دستیار <steward@sender.test>',
    },
  });
});
afterEach(async () => {
  await app.stop();
  await server.down();
});

const sql = <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  withClient(app.settings.databaseUrl ?? '', async (client) => (await client.query<Row>(text, values)).rows);
const jobs = (): Promise<MailJob[]> =>
  sql(`select status, error, error_code, retry_count from jobs where type = 'send-mail' order by id`);
const settled = (): Promise<void> => mailsSettled(app.settings.databaseUrl ?? '');
/** The next try is due now, instead of after the pause that the server's answer calls for. */
const hurry = () => sql(`update jobs set run_at = now() where type = 'send-mail' and status = 'pending'`);

async function until1<T extends object>(
  look: () => Promise<readonly T[]>,
  wanted: (row: T) => boolean,
): Promise<T> {
  return until(async () => (await look()).find(wanted), { describe: 'the job to come that far' });
}

describe('a mail', () => {
  it('reaches its recipient alone, from the sender of the settings, with a code that works', async () => {
    await Person.register(app, 'سارا@delivery.test', { fullName: 'سارا' }, { 'accept-language': 'fa' });
    await settled();
    const [received, ...others] = server.received;
    expect(others).toEqual([]);
    expect(received).toMatchObject({ from: 'steward@sender.test', recipients: ['سارا@delivery.test'] });
    expect(received?.mail.from).toMatchObject({ name: 'دستیار' });
    const mail = foundMail(received!.mail);
    expect(mail.text).toContain('دستیار');
    expect(mail.html).toContain('dir="rtl"');
    const answer = await app.call('POST', '/api/auth/email/verify', {
      body: { token: mail.code },
      token: null,
    });
    expect(answer.status).toBe(204);
    const [job] = await jobs();
    expect(job).toMatchObject({ status: 'completed', retry_count: 0 });
  });

  it('keeps a name with line breaks in its header', async () => {
    const person = await Person.register(app, 'split@delivery.test');
    await settled();
    // As an import of old data may have it: the API refuses such a name.
    await sql(
      `update users set full_name = E'Eve\\r\\nBcc: all@delivery.test\\r\\n\\r\\nbody' where id = $1`,
      [person.id],
    );
    await app.call('POST', '/api/auth/password/forgot', { body: { email: person.email }, token: null });
    await settled();
    const received = server.received.at(-1);
    expect(received?.recipients).toEqual(['split@delivery.test']);
    expect(received?.mail.bcc).toBeUndefined();
    expect(received?.mail.to).toMatchObject([{ address: 'split@delivery.test' }]);
    expect(received?.mail.subject).toBe('Set a new password');
  });

  it('that is deferred is tried again and arrives once', async () => {
    let deferrals = 2;
    server.manners.recipient = () => (deferrals-- > 0 ? smtpError(451, '4.7.1 greylisted') : null);
    await Person.register(app, 'grey@delivery.test');
    await until(
      async () => {
        await hurry();
        return (await jobs())[0]?.status === 'completed';
      },
      { describe: 'the mail to be taken' },
    );
    expect(server.received).toHaveLength(1);
    expect(await jobs()).toMatchObject([{ retry_count: 2 }]);
  });

  it('that is refused for good ends its job at once, whose error names no address', async () => {
    server.manners.recipient = (address) => smtpError(550, `5.1.1 <${address}> is unknown here`);
    await Person.register(app, 'unknown@delivery.test');
    await settled();
    const [job] = await jobs();
    expect(job).toMatchObject({ status: 'failed', error_code: 'mail_refused', retry_count: 0 });
    expect(job?.error).toBe('The mail was refused for good: RCPT TO was answered with 550 5.1.1.');
    expect(server.received).toEqual([]);
    // An admin who knows that it was put right sends it on its way again.
    server.manners = {};
    const all = await app.call<{ items: { id: string }[] }>('GET', '/api/jobs?all=true&type=send-mail');
    await app.call('POST', `/api/jobs/${all.body.items[0]?.id}/retry`);
    await settled();
    expect(server.received).toHaveLength(1);
  });

  it.each([
    ['greets with an error', () => ({ greet: () => smtpError(554, 'no service') })],
    ['refuses the sender', () => ({ sender: () => smtpError(550, '5.7.1 not you') })],
  ])('waits for a server that %s, and spends no attempt on it', async (_, manners) => {
    server.manners = manners();
    await Person.register(app, 'patient@delivery.test');
    await until1(jobs, ({ status, error_code }) => status === 'pending' && error_code === 'postponed');
    server.manners = {};
    await settled();
    expect(server.received).toHaveLength(1);
    expect(await jobs()).toMatchObject([{ status: 'completed', retry_count: 0 }]);
  });

  it('waits while the server is down and arrives once it is back; the health report says so', async () => {
    await server.down();
    const people = ['one', 'two', 'three'];
    await Promise.all(people.map((name) => Person.register(app, `${name}@delivery.test`)));
    await until1(jobs, ({ error_code }) => error_code === 'postponed');
    const { body } = await app.call<{ status: string; parts: Record<string, { detail?: string }> }>(
      'GET',
      '/api/health',
    );
    expect(body.status).toBe('degraded');
    expect(body.parts['mail']?.detail).toContain('mails wait');
    await server.up();
    await settled();
    expect(
      server.received.map(({ recipients }) => recipients[0]).toSorted((a = '', b = '') => a.localeCompare(b)),
    ).toEqual(['one@delivery.test', 'three@delivery.test', 'two@delivery.test']);
  });

  it('whose code is of no use any more is not sent', async () => {
    await server.down();
    const person = await Person.register(app, 'late@delivery.test');
    await until1(jobs, ({ error_code }) => error_code === 'postponed');
    await sql(`update account_tokens set expires_at = now() where user_id = $1`, [person.id]);
    await server.up();
    await settled();
    expect(server.received).toEqual([]);
    expect(await jobs()).toMatchObject([{ status: 'completed' }]);
  });
});
