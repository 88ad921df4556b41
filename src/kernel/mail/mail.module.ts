import { Global, Injectable, Module, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import path from 'node:path';
import { Settings, serves } from '../config/index.js';
import { Health, HealthModule } from '../health/index.js';
import { Log } from '../log/index.js';
import { Mailer } from './mailer.js';
import { OutboxMailer } from './outbox-mailer.js';
import { SmtpMailer } from './smtp-mailer.js';

const LOOK_AGAIN_MS = 30_000;

function mailerOf(settings: Settings, log: Log): Mailer {
  const area = log.area('mail');
  if (settings.smtpUrl !== undefined) return new SmtpMailer(settings.smtpUrl, settings.mailFrom, area);
  const outbox = path.join(settings.dataDir, 'outbox');
  if (settings.nodeEnv === 'production')
    area.warn({ outbox }, 'STEWARD_SMTP_URL is not set: mails are written to files and reach nobody');
  return new OutboxMailer(outbox, settings.mailFrom, area);
}

/** The mail server as a part of the health report of the processes that send: without it mails wait. */
@Injectable()
class MailServerHealth implements OnModuleInit, OnApplicationBootstrap {
  private readonly server: SmtpMailer | null;

  constructor(
    mailer: Mailer,
    settings: Settings,
    private readonly health: Health,
  ) {
    this.server = mailer instanceof SmtpMailer && serves(settings, 'worker') ? mailer : null;
  }

  onModuleInit(): void {
    const { server } = this;
    if (server) this.health.register({ name: 'mail', vital: false, check: () => server.health() });
  }

  /** In the background: a slow mail server must not hold up the start. */
  onApplicationBootstrap(): void {
    void this.server?.verify();
  }

  /** A report of trouble would otherwise stay until the next mail. */
  @Interval(LOOK_AGAIN_MS)
  lookAgain(): void {
    if (this.server?.isAway) void this.server.verify();
  }
}

@Global()
@Module({
  imports: [HealthModule],
  providers: [{ provide: Mailer, useFactory: mailerOf, inject: [Settings, Log] }, MailServerHealth],
  exports: [Mailer],
})
export class MailKernelModule {}
