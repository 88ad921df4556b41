/** What nodemailer says about a mail that was not taken. */
export interface SmtpFailure {
  readonly code?: unknown;
  readonly command?: unknown;
  readonly responseCode?: unknown;
  readonly response?: unknown;
}

/** Why a mail was not taken, without any text of the server: such texts name the recipient. */
export interface SmtpProblem {
  /** `refused`: never. `away`: nothing can be sent just now. `deferred`: this mail can be tried again. */
  readonly kind: 'refused' | 'away' | 'deferred';
  readonly reason: string;
}

/**
 * Only an answer about the recipient or the message can be for good. A greeting, a login or a sender that is
 * refused is the operator's to mend, and every mail waits for it.
 */
export function smtpProblem(error: unknown): SmtpProblem {
  const { code, command, responseCode, response } = (error ?? {}) as SmtpFailure;
  const status = typeof responseCode === 'number' ? responseCode : null;
  const aboutMail = command === 'RCPT TO' || command === 'DATA';
  if (status !== null) {
    const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(typeof response === 'string' ? response : '');
    const reason = `${String(command)} was answered with ${status}${enhanced ? ` ${enhanced[1]}` : ''}`;
    // 421: the server ends its service; 503: the conversation went wrong, not the mail.
    if (!aboutMail || status === 421 || status === 503) return { kind: 'away', reason };
    return { kind: status >= 500 ? 'refused' : 'deferred', reason };
  }
  // Found before anything was sent: an address that cannot be written in SMTP, or a mail larger than allowed.
  if (code === 'EENVELOPE' || code === 'EMESSAGE')
    return { kind: 'refused', reason: 'the address or the message cannot be sent' };
  return { kind: 'away', reason: typeof code === 'string' ? code : 'no connection' };
}
