import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/index.js';
import { JobsModule } from '../jobs/index.js';
import { MailConsumer } from './mail.consumer.js';
import { SendMailJob } from './send-mail.job.js';

@Module({ imports: [AuthModule, JobsModule], providers: [MailConsumer, SendMailJob] })
export class MailModule {}
