import { createTransport, type Transporter } from 'nodemailer';
import type { Log } from '../log/index.js';
import { jitteredPause } from '../time/index.js';
import { Mailer, MailRefusedError, MailServerAwayError, maskedAddress, type OutgoingMail } from './mailer.js';
import { messageOf } from './message.js';
import { smtpProblem, type SmtpProblem } from './smtp-problem.js';
import { smtpOptions } from './smtp-server.js';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Hands mails to a mail server, each over a connection of its own. While the server is away only one attempt at a
 * time finds out whether it is back, with growing pauses; the others are told at once to come again, so that a dead
 * server never fills the workers with connections that hang.
 */
export class SmtpMailer extends Mailer {
  private readonly transport: Transporter;
  private readonly place: string;
  /** What is wrong with the server, for the health report; null when it last worked. */
  private problem: string | null = null;
  private failures = 0;
  private awayUntil = 0;
  private probing = false;

  constructor(
    url: string,
    private readonly from: string,
    private readonly log: Log,
  ) {
    super();
    const options = smtpOptions(url);
    this.place = `${options.host}:${options.port}`;
    this.transport = createTransport(options);
  }

  /** For the health report: a text when mails have to wait. */
  health(): Promise<string | void> {
    return Promise.resolve(this.problem ?? undefined);
  }

  /** Connects and logs in without sending anything, and logs what is wrong. Never throws. */
  async verify(): Promise<void> {
    try {
      await this.transport.verify();
      this.succeeded();
    } catch (error) {
      const { reason } = smtpProblem(error);
      this.failed(reason);
      this.log.warn({ server: this.place, reason }, 'the mail server cannot be used, mails wait for it');
    }
  }

  /** Whether somebody should look if the server is back. */
  get isAway(): boolean {
    return this.failures > 0;
  }

  async send(mail: OutgoingMail, signal: AbortSignal): Promise<void> {
    const message = messageOf(mail, this.from);
    this.refuseWhileAway();
    this.probing = this.isAway;
    try {
      await this.transport.sendMail({ ...message, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw this.failureOf(smtpProblem(error));
    } finally {
      this.probing = false;
    }
    this.succeeded();
    this.log.info({ to: maskedAddress(mail.to.address), subject: mail.subject }, 'a mail was sent');
  }

  private refuseWhileAway(): void {
    const waitMs = this.probing ? FIRST_PAUSE_MS : this.awayUntil - performance.now();
    if (this.isAway && waitMs > 0) throw new MailServerAwayError(waitMs / 1000, this.problem ?? '');
  }

  private failureOf({ kind, reason }: SmtpProblem): Error {
    if (kind === 'away') return new MailServerAwayError(this.failed(reason), reason);
    this.succeeded(); // it answered about the mail, so it is there
    return kind === 'refused'
      ? new MailRefusedError(reason)
      : new Error(`The mail server asks to try again: ${reason}.`);
  }

  private succeeded(): void {
    this.failures = 0;
    this.problem = null;
  }

  /** Seconds until the next try. */
  private failed(reason: string): number {
    const pause = jitteredPause(this.failures++, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    this.awayUntil = performance.now() + pause;
    this.problem = `${this.place} cannot be used (${reason}); mails wait`;
    return pause / 1000;
  }
}
