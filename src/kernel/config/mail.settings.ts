import { z } from 'zod';
import { text, url, type SettingDefinition } from './setting.js';

/** How mail leaves, and where the people who read it are led. */
export const MAIL_SETTINGS = {
  smtpUrl: {
    env: 'STEWARD_SMTP_URL',
    help: 'Mail server, smtp:// (STARTTLS where offered) or smtps://. Credentials are sent over TLS only, except to this machine. When absent mails are written as files into the folder outbox under the data directory.',
    schema: url('smtp:', 'smtps:'),
    example: 'smtp://user:password@mail.example.org:587',
    secret: true,
  },
  mailFrom: {
    env: 'STEWARD_MAIL_FROM',
    help: 'Sender of all mails. Required with STEWARD_SMTP_URL.',
    schema: text('Steward <steward@localhost>').pipe(
      z
        .string()
        .regex(
          /^(?:[^<>@\p{Cc}]* <[^<>@\s,]+@[^<>@\s,]+>|[^<>@\s,]+@[^<>@\s,]+)$/u,
          'must be an e-mail address, or a name and an address as in Steward <steward@example.org>',
        ),
    ),
    example: 'Steward <steward@example.org>',
  },
  publicUrl: {
    env: 'STEWARD_PUBLIC_URL',
    help: 'Address of the application whose pages confirm an e-mail address or set a new password; mails then hold links into it. When absent they hold the code alone.',
    schema: url('http:', 'https:').transform((value) => value?.replace(/\/+$/, '')),
    example: 'https://app.example.org',
  },
} as const satisfies Record<string, SettingDefinition>;
