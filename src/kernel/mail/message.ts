import type { SendMailOptions } from 'nodemailer';
import { MailRefusedError, type OutgoingMail } from './mailer.js';

/**
 * What nodemailer is to build of a mail. The recipient goes in as an object, never as text that would be parsed for
 * further addresses, and control characters stay out of every header (ASVS 1.3.11).
 */
export function messageOf(mail: OutgoingMail, from: string): SendMailOptions {
  const { name, address } = mail.to;
  if (!/^[^@<>\s\p{Cc}]+@[^@<>\s\p{Cc}]+$/u.test(address))
    throw new MailRefusedError('the address is malformed');
  const domain = /@([^@>]+)>?$/.exec(from)?.[1] ?? 'localhost';
  return {
    from,
    to: { name: oneLine(name ?? ''), address },
    subject: oneLine(mail.subject),
    text: mail.text,
    html: mail.html,
    messageId: `<${mail.id}@${domain}>`,
    headers: {
      'Content-Language': mail.language,
      // So that no holiday notice answers (RFC 3834).
      'Auto-Submitted': 'auto-generated',
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
