import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import PostalMime from 'postal-mime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MailServer, smtpError } from '../../../test/harness/mail-server.js';
import { Log } from '../log/index.js';
import { MailRefusedError, MailServerAwayError, type OutgoingMail } from './mailer.js';
import { OutboxMailer } from './outbox-mailer.js';
import { SmtpMailer } from './smtp-mailer.js';

const FROM = 'Steward <steward@sender.test>';
const going = new AbortController().signal;

const mail = (changes: Partial<OutgoingMail> = {}): OutgoingMail => ({
  id: '019a0000-0000-7000-8000-000000000001',
  to: { name: 'سارا محمدی', address: 'sara@people.test' },
  subject: 'Подтвердите адрес',
  text: 'متن ساده\n\nข้อความ',
  html: '<p dir="rtl">متن</p>',
  language: 'fa',
  ...changes,
});

let lines: string[];
let log: Log;
beforeEach(() => {
  lines = [];
  log = Log.create({ level: 'debug', format: 'json' }, { write: (line: string) => void lines.push(line) });
});

/** Names that would end a header and begin another one, if anybody let them. */
const SPLITTING = [
  'Eve\r\nBcc: all@people.test',
  'Eve\nSubject: other',
  'Eve\u2028X-Evil: 1',
  'Eve\r\n\r\n<html>body</html>',
  '"Eve" <eve@evil.test>, ',
  '=?utf-8?q?Eve=0D=0ABcc:_all@people.test?=',
];

describe('SmtpMailer', () => {
  let server: MailServer;
  let mailer: SmtpMailer;
  beforeEach(async () => {
    server = await MailServer.start();
    mailer = new SmtpMailer(server.url, FROM, log);
  });
  afterEach(() => server.down());

  it('hands over the whole mail to one recipient, in any script', async () => {
    await mailer.send(mail(), going);
    const [received, ...others] = server.received;
    expect(others).toEqual([]);
    expect(received).toMatchObject({ from: 'steward@sender.test', recipients: ['sara@people.test'] });
    expect(received?.mail).toMatchObject({
      from: { name: 'Steward', address: 'steward@sender.test' },
      to: [{ name: 'سارا محمدی', address: 'sara@people.test' }],
      subject: 'Подтвердите адрес',
      messageId: '<019a0000-0000-7000-8000-000000000001@sender.test>',
    });
    expect(received?.mail.text?.trim()).toBe('متن ساده\n\nข้อความ');
    expect(received?.mail.html?.trim()).toBe('<p dir="rtl">متن</p>');
    expect(received?.raw).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(received?.raw).toMatch(/^Content-Language: fa\r$/m);
  });

  it('sends to addresses whose parts are not ASCII', async () => {
    await mailer.send(mail({ to: { name: null, address: 'سارا@مثال.ایران' } }), going);
    await mailer.send(mail({ to: { name: null, address: 'sara@пример.рф' } }), going);
    expect(server.received.map(({ recipients }) => recipients)).toEqual([
      ['سارا@مثال.ایران'],
      ['sara@пример.рф'],
    ]);
  });

  it.each(SPLITTING)('keeps the name %j in its header, and the mail to one recipient', async (name) => {
    await mailer.send(mail({ to: { name, address: 'eve@people.test' }, subject: name }), going);
    const [received] = server.received;
    expect(received?.recipients).toEqual(['eve@people.test']);
    expect(received?.mail.to).toHaveLength(1);
    expect(received?.mail.bcc).toBeUndefined();
    const names = received?.mail.headers.map(({ key }) => key).toSorted();
    await mailer.send(mail({ id: '019a0000-0000-7000-8000-000000000002' }), going);
    expect(names).toEqual(server.received[1]?.mail.headers.map(({ key }) => key).toSorted());
  });

  it.each([
    '',
    'nobody',
    'a@b@c',
    'a>b@people.test',
    'a<b@people.test',
    'a b@people.test',
    'a@people.test\r\nRCPT TO:<b@people.test>',
  ])('refuses %j before anything is sent', async (address) => {
    await expect(mailer.send(mail({ to: { name: null, address } }), going)).rejects.toThrow(MailRefusedError);
    expect(server.connections).toBe(0);
  });

  it.each([
    ['a,b@people.test', '"a,b"@people.test'],
    ['a;b@people.test', '"a;b"@people.test'],
    ['a:b;@people.test', '"a:b;"@people.test'],
    ['a(b)@people.test', '"a(b)"@people.test'],
    ['"a@people.test', '"\\"a"@people.test'],
  ])('takes %j for one address, which is %s in SMTP', async (address, written) => {
    await mailer.send(mail({ to: { name: 'One', address } }), going);
    expect(server.received.map(({ recipients }) => recipients)).toEqual([[written]]);
  });

  it('logs in with what the URL says, however strange the characters are', async () => {
    const seen: unknown[] = [];
    server.manners.login = (user, password) => {
      seen.push(user, password);
      return null;
    };
    await new SmtpMailer(server.urlWith('user@sender.test', 'p@ss/w:rd%ü'), FROM, log).send(mail(), going);
    expect(seen).toEqual(['user@sender.test', 'p@ss/w:rd%ü']);
  });

  it('never logs the recipient, the content or the password', async () => {
    await new SmtpMailer(server.urlWith('user', 'a-password'), FROM, log).send(mail(), going);
    server.manners.recipient = () => smtpError(550, '5.1.1 <sara@people.test> is unknown');
    await mailer.send(mail(), going).catch(() => undefined);
    await new SmtpMailer('smtp://u:a-password@127.0.0.1:1', FROM, log).verify();
    expect(lines.join('')).toContain('s…@people.test');
    expect(lines.join('')).not.toMatch(/sara@|متن|a-password/);
  });

  it.each([
    ['an unknown recipient', { recipient: () => smtpError(550, '5.1.1 <sara@people.test> unknown') }],
    ['a message it does not want', { message: () => smtpError(554, '5.7.1 <sara@people.test> no spam') }],
  ])('says that %s is for good, without the words of the server', async (_, manners) => {
    server.manners = manners;
    const error = await mailer.send(mail(), going).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MailRefusedError);
    expect(String(error)).toMatch(/answered with 55[04] 5\.\d\.1/);
    expect(String(error)).not.toContain('sara');
    expect(await mailer.health()).toBeUndefined();
  });

  it('says that a deferred mail can be tried again, and sends it then', async () => {
    server.manners.recipient = () => smtpError(451, '4.7.1 greylisted');
    const error = await mailer.send(mail(), going).catch((thrown: unknown) => thrown);
    expect(error).not.toBeInstanceOf(MailRefusedError);
    expect(error).not.toBeInstanceOf(MailServerAwayError);
    server.manners = {};
    await mailer.send(mail(), going);
    expect(server.received).toHaveLength(1);
  });

  it.each([
    ['greets with an error', { greet: () => smtpError(554, 'no service') }],
    ['refuses the login', { login: () => smtpError(535, '5.7.8 wrong') }],
    ['refuses the sender', { sender: () => smtpError(550, '5.7.1 unknown sender') }],
    ['closes the service in the middle', { recipient: () => smtpError(421, '4.3.2 shutting down') }],
  ])('waits for a server that %s', async (_, manners) => {
    mailer = new SmtpMailer(server.urlWith('user', 'password'), FROM, log);
    server.manners = manners;
    await expect(mailer.send(mail(), going)).rejects.toThrow(MailServerAwayError);
    expect(await mailer.health()).toMatch(/127\.0\.0\.1:\d+ cannot be used/);
    server.manners = {};
    await mailer.verify();
    expect(await mailer.health()).toBeUndefined();
    await mailer.send(mail(), going);
    expect(server.received).toHaveLength(1);
  });

  it('asks a server that is away with one connection, not with one for each mail', async () => {
    server.manners.greet = () => smtpError(554, 'no service');
    await mailer.send(mail(), going).catch(() => undefined);
    expect(server.connections).toBe(1);
    const errors = await Promise.all(
      Array.from({ length: 50 }, () => mailer.send(mail(), going).catch((error: unknown) => error)),
    );
    for (const error of errors) {
      expect(error).toBeInstanceOf(MailServerAwayError);
      expect((error as MailServerAwayError).seconds).toBeGreaterThan(0);
    }
    expect(server.connections).toBe(1);
  });

  it('reports a server that is not there, also before any mail', async () => {
    await server.down();
    await mailer.verify();
    expect(await mailer.health()).toContain('mails wait');
    await server.up();
    await mailer.verify();
    expect(await mailer.health()).toBeUndefined();
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    server.manners.recipient = () => {
      controller.abort(new Error('stopped: shutdown'));
      return null;
    };
    await expect(mailer.send(mail(), controller.signal)).rejects.toThrow('stopped: shutdown');
    expect(await mailer.health()).toBeUndefined();
  });
});

describe('OutboxMailer', () => {
  let folder: string;
  let outbox: string;
  let mailer: OutboxMailer;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'steward-outbox-'));
    outbox = path.join(folder, 'data', 'outbox');
    mailer = new OutboxMailer(outbox, FROM, log);
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('writes the whole mail for its owner alone, once however often it is sent', async () => {
    await mailer.send(mail());
    await mailer.send(mail());
    const names = await readdir(outbox);
    expect(names).toEqual(['019a0000-0000-7000-8000-000000000001.eml']);
    const file = path.join(outbox, names[0] ?? '');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(outbox)).mode & 0o777).toBe(0o700);
    const read = await PostalMime.parse(await readFile(file));
    expect(read).toMatchObject({ subject: 'Подтвердите адрес', to: [{ address: 'sara@people.test' }] });
    expect(read.text?.trim()).toBe('متن ساده\n\nข้อความ');
    expect(lines.join('')).toContain(file);
    expect(lines.join('')).not.toMatch(/sara@|متن/);
  });

  it.each(SPLITTING)('keeps the name %j in its header', async (name) => {
    await mailer.send(mail({ to: { name, address: 'eve@people.test' }, subject: name }));
    const [file = ''] = await readdir(outbox);
    const read = await PostalMime.parse(await readFile(path.join(outbox, file)));
    expect(read.to).toHaveLength(1);
    expect(read.bcc).toBeUndefined();
    expect(read.headers.filter(({ key }) => ['subject', 'x-evil', 'bcc'].includes(key))).toHaveLength(1);
  });
});
