import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, withClient, type TestDatabase } from '../harness/database.js';
import { MailServer } from '../harness/mail-server.js';
import { Outbox, foundMail, mailsSettled } from '../harness/outbox.js';
import { StewardProcess, scratch } from '../harness/process.js';
import { until } from '../harness/until.js';

const SECRET = 'one signing secret for every process of the test';
const PASSWORD = 'the password of the tests';

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };
let processes: StewardProcess[];
beforeEach(async () => {
  database = await createTestDatabase();
  directory = await scratch();
  processes = [];
});
afterEach(async () => {
  await Promise.all(processes.map((one) => one.end('SIGKILL')));
  await database.drop();
  await directory.remove();
});

function start(more: Record<string, string> = {}): StewardProcess {
  const one = StewardProcess.spawn({
    DATABASE_URL: database.url,
    STEWARD_DATA_DIR: directory.path,
    STEWARD_SECRET: SECRET,
    STEWARD_ADMIN_PASSWORD: PASSWORD,
    LOG_LEVEL: 'info',
    ...more,
  });
  processes.push(one);
  return one;
}

const post = async (url: string, place: string, body: object): Promise<number> => {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${url}/api${place}`, { method: 'POST', headers, body: JSON.stringify(body) })).status;
};
const register = (url: string, email: string): Promise<number> =>
  post(url, '/auth/register', { email, password: PASSWORD });
const mailJobs = (): Promise<{ status: string }[]> =>
  withClient(
    database.url,
    async (client) =>
      (await client.query<{ status: string }>(`select status from jobs where type = 'send-mail'`)).rows,
  );

describe('without a mail server', () => {
  it('a newcomer is told where mails go, finds theirs there, and no log has the code', async () => {
    const steward = start();
    const url = await steward.url();
    expect(await register(url, 'newcomer@mail.test')).toBe(201);
    const mail = await new Outbox({ dataDir: directory.path, databaseUrl: database.url }).next(
      'newcomer@mail.test',
    );
    expect(await post(url, '/auth/email/verify', { token: mail.code })).toBe(204);
    const { output } = await steward.end('SIGTERM');
    expect(output).toContain(`written to files in ${path.join(directory.path, 'outbox')}`);
    expect(output).toContain('n…@mail.test');
    expect(output).not.toContain('newcomer@mail.test');
    expect(output).not.toContain(mail.code.split('.')[2]);
    expect(await readdir(path.join(directory.path, 'outbox'))).toHaveLength(1);
  });

  it('a process without the worker role writes the event, and the mail comes with the first worker', async () => {
    const api = start({ STEWARD_ROLE: 'api' });
    expect(await register(await api.url(), 'early@mail.test')).toBe(201);
    expect(await mailJobs()).toEqual([]);
    // Nothing was promised by the process itself: it may be killed before anybody has looked at the event.
    await api.end('SIGKILL');
    await start({ STEWARD_ROLE: 'worker' }).running();
    const outbox = new Outbox({ dataDir: directory.path, databaseUrl: database.url });
    expect((await outbox.next('early@mail.test')).code).not.toBe('');
  });
});

describe('a worker that is killed while it sends', () => {
  it('leaves the mail to the next one, which sends it', async () => {
    const server = await MailServer.start();
    const settings = { STEWARD_SMTP_URL: server.url, STEWARD_MAIL_FROM: 'steward@sender.test' };
    // The server takes the recipient and then never answers, so that the kill comes in the middle.
    let reached = false;
    server.manners.message = () => {
      reached = true;
      return null;
    };
    server.hold = true;
    const first = start(settings);
    expect(await register(await first.url(), 'killed@mail.test')).toBe(201);
    await until(() => reached, { describe: 'the mail to be under way' });
    await first.end('SIGKILL');
    expect(await mailJobs()).toEqual([{ status: 'running' }]);
    server.hold = false;
    await start(settings).url();
    await until(async () => (await mailJobs())[0]?.status === 'completed', {
      describe: 'the next worker to send it',
    });
    await mailsSettled(database.url);
    const found = server.received.map(({ mail }) => ({ id: mail.messageId, code: foundMail(mail).code }));
    expect(found.length).toBeGreaterThanOrEqual(1);
    // Whoever got it twice got the same mail, and can tell.
    expect(new Set(found.map(({ id, code }) => `${id} ${code}`)).size).toBe(1);
    await server.down();
  });
});
