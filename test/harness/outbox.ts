import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import { withClient } from './database.js';
import { until } from './until.js';

/** What a person finds in a mail. */
export interface FoundMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly language: string;
  /** Empty when there is none. */
  readonly code: string;
}

export function foundMail(mail: Email): FoundMail {
  const text = mail.text ?? '';
  return {
    to: mail.to?.[0]?.address ?? '',
    subject: mail.subject ?? '',
    text,
    html: mail.html ?? '',
    language: mail.headers.find(({ key }) => key === 'content-language')?.value ?? '',
    code: /^at\.\S+$/m.exec(text)?.[0] ?? '',
  };
}

/** Looks into the folder of an application without a mail server, as its operator does. */
export class Outbox {
  constructor(
    private readonly settings: { readonly dataDir: string; readonly databaseUrl?: string | undefined },
  ) {}

  /** All mails to the address, oldest first, once nothing is on its way any more. */
  async to(address: string): Promise<FoundMail[]> {
    await mailsSettled(this.settings.databaseUrl ?? '');
    return (await this.all()).filter(({ to }) => to === address);
  }

  /** The one mail since the last `count` mails to this address. */
  async next(address: string, count = 0): Promise<FoundMail> {
    const mails = await this.to(address);
    const [mail] = mails.slice(count);
    if (!mail || mails.length !== count + 1)
      throw new Error(
        `${mails.length} mails to ${address}: ${mails.map(({ subject }) => subject).join(', ')}`,
      );
    return mail;
  }

  async all(): Promise<FoundMail[]> {
    const folder = path.join(this.settings.dataDir, 'outbox');
    const names = await readdir(folder).catch(() => []);
    const files = names.filter((name) => name.endsWith('.eml')).toSorted();
    return Promise.all(
      files.map(async (name) => foundMail(await PostalMime.parse(await readFile(path.join(folder, name))))),
    );
  }
}

/** Until every recorded event has its mails, and every mail has ended one way or another. */
export async function mailsSettled(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, (client) =>
    until(
      async () => {
        const { rows } = await client.query<{ waiting: boolean }>(
          `select exists (select from events e, event_cursors c
                           where c.subscriber = 'mail' and (e.xid, e.seq) > (c.xid, c.seq))
               or exists (select from jobs where type = 'send-mail' and completed_at is null and cancelled_at is null) as waiting`,
        );
        return rows[0]?.waiting === false;
      },
      { describe: 'all mails to be sent' },
    ),
  );
}
