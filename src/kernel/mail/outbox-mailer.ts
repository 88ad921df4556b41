import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createTransport } from 'nodemailer';
import type { Log } from '../log/index.js';
import { Mailer, maskedAddress, type OutgoingMail } from './mailer.js';
import { messageOf } from './message.js';

/**
 * Without a mail server: each mail is a complete `.eml` file in the outbox, for the operator to read or to hand on.
 * The files hold what the mails hold, so only the owner of the data directory may read them; the log names the
 * file and never the content. A mail that is sent again replaces its own file.
 */
export class OutboxMailer extends Mailer {
  private readonly builder = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });

  constructor(
    private readonly folder: string,
    private readonly from: string,
    private readonly log: Log,
  ) {
    super();
  }

  async send(mail: OutgoingMail): Promise<void> {
    const { message } = await this.builder.sendMail(messageOf(mail, this.from));
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const file = path.join(this.folder, `${mail.id}.eml`);
    const draft = path.join(this.folder, `.${mail.id}.${process.pid}`);
    await writeFile(draft, message, { mode: 0o600 });
    await rename(draft, file);
    this.log.info(
      { to: maskedAddress(mail.to.address), subject: mail.subject, file },
      'a mail was written to the outbox',
    );
  }
}
