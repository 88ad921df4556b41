export { MailKernelModule } from './mail.module.js';
export { Mailer, MailRefusedError, MailServerAwayError, type OutgoingMail } from './mailer.js';
