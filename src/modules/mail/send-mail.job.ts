import { z } from 'zod';
import { Settings } from '../../kernel/config/index.js';
import { Database } from '../../kernel/database/index.js';
import { UserError, uuid } from '../../kernel/http/index.js';
import { Mailer, MailRefusedError, MailServerAwayError } from '../../kernel/mail/index.js';
import { Events } from '../../kernel/realtime/index.js';
import { ACCOUNT_MAILS, AccountMails, type AccountMailName } from '../auth/index.js';
import { HandlesJob, type JobContext, JobHandler, PostponeError, defineJob } from '../jobs/index.js';
import { wantedLanguage } from './languages.js';
import { mailsOf } from './mail-of-event.js';
import { renderMail } from './render-mail.js';

/** The event tells about whom: a job names nobody, so that nothing of a person is left in it (rule 10, C5). */
const payload = z.strictObject({ mail: z.enum(ACCOUNT_MAILS), eventId: uuid });
type Payload = z.output<typeof payload>;

export const sendMail = defineJob({
  name: 'send-mail',
  summary: 'Writes and sends one mail of an account.',
  payload,
  requiredRole: 'system',
  maxRetries: 12,
  backoff: { kind: 'exponential', seconds: 5, maxSeconds: 3600 },
  timeoutSeconds: 120,
  // So that a flood of events does not become one of mails, for which providers close accounts.
  limits: { rate: { jobs: 300, perSeconds: 60 } },
  repeats: 'The mail, with the same Message-ID, if it went out just before its worker died.',
});

/** Pages of the application that take a code, below STEWARD_PUBLIC_URL. */
const PAGES: Partial<Readonly<Record<AccountMailName, string>>> = {
  'verify-email': 'verify-email',
  'confirm-new-email': 'verify-email',
  'reset-password': 'reset-password',
  'email-changed': 'undo-email-change',
};

/**
 * Looks up what is to be said, writes it in the person's language and hands it over. A server that is away postpones
 * the mail for as long as it takes; one that asks to come again costs an attempt; one that refuses the recipient ends
 * the job. A mail that has become moot is not sent. A crash may send a mail twice, with the same Message-ID.
 */
@HandlesJob(sendMail)
export class SendMailJob extends JobHandler<Payload> {
  constructor(
    private readonly database: Database,
    private readonly events: Events,
    private readonly mails: AccountMails,
    private readonly mailer: Mailer,
    private readonly settings: Settings,
  ) {
    super();
  }

  override async run({ jobId, signal }: JobContext, { mail, eventId }: Payload): Promise<object> {
    const event = await this.events.find(this.database.system('send mail').read, eventId);
    const request = event && mailsOf(event).find((one) => one.mail === mail);
    const content = request && (await this.mails.contentOf(request));
    if (!content) return { sent: false, reason: 'moot' };
    const { to, code, values, timezone } = content;
    const language = wantedLanguage(content.languages);
    const rendered = renderMail(mail, language, {
      name: to.name,
      app: appName(this.settings.mailFrom),
      at: new Date(event.createdAt),
      timezone,
      code,
      link: this.linkOf(mail, code),
      values,
    });
    try {
      await this.mailer.send({ id: jobId, to, language, ...rendered }, signal);
    } catch (error) {
      throw failureOf(error);
    }
    return { sent: true, language };
  }

  /** The code stands behind the #, which no browser sends to a server and no server logs (ASVS 14.2.1). */
  private linkOf(mail: AccountMailName, code: string | null): string | null {
    const { publicUrl } = this.settings;
    const page = PAGES[mail];
    return publicUrl === undefined || code === null || page === undefined
      ? null
      : `${publicUrl}/${page}#token=${code}`;
  }
}

function failureOf(error: unknown): unknown {
  if (error instanceof MailServerAwayError) return new PostponeError(error.seconds, error.message);
  if (error instanceof MailRefusedError) return UserError.conflict('mail_refused', error.message);
  return error;
}

/** The name that mails come from, such as Steward in `Steward <steward@example.org>`. */
const appName = (from: string): string => /^"?([^"<]*?)"?\s*</.exec(from)?.[1] || 'Steward';
