import { isIP } from 'node:net';
import type { SMTPTransportOptions } from 'nodemailer/lib/smtp-transport';

const CONNECT_MS = 10_000;
const SILENCE_MS = 30_000;

/**
 * The connection that `STEWARD_SMTP_URL` asks for. STARTTLS is used wherever it is offered, and demanded as soon as
 * there is a password to send; on the machine itself neither, because nobody lies between.
 */
export function smtpOptions(text: string): SMTPTransportOptions & { host: string; port: number } {
  const url = new URL(text);
  const secure = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const local = isLoopback(host);
  const user = decodeURIComponent(url.username);
  return {
    host,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    ignoreTLS: local && !secure,
    requireTLS: user !== '' && !local && !secure,
    ...(user === '' ? {} : { auth: { user, pass: decodeURIComponent(url.password) } }),
    tls: { minVersion: 'TLSv1.2' },
    connectionTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
  };
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
