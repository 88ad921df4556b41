/** One mail to one person, complete and in their language. */
export interface OutgoingMail {
  /** The same for every attempt at the same mail: becomes its Message-ID, by which receivers drop repetitions. */
  readonly id: string;
  readonly to: { readonly name: string | null; readonly address: string };
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** BCP 47. */
  readonly language: string;
}

/**
 * Port: how mail leaves. Resolves once somebody else is responsible for the mail, which is a mail server or the
 * operator who reads the outbox; at least once, because a lost answer cannot be told from a lost mail. Call it from
 * jobs: it may take as long as the network lets it.
 *
 * Throws `MailRefusedError` when this mail will never be taken, `MailServerAwayError` when none can be sent just
 * now, anything else when this one may be taken later. None of their texts names the recipient.
 */
export abstract class Mailer {
  abstract send(mail: OutgoingMail, signal: AbortSignal): Promise<void>;
}

/** The server refuses this recipient or this message for good: a repetition gets the same answer. */
export class MailRefusedError extends Error {
  constructor(reason: string) {
    super(`The mail was refused for good: ${reason}.`);
    this.name = 'MailRefusedError';
  }
}

/** The server cannot be reached, or takes no mail from us at all: nothing was begun. */
export class MailServerAwayError extends Error {
  constructor(
    /** Until another try makes sense; grows while the server stays away. */
    readonly seconds: number,
    reason: string,
  ) {
    super(`The mail server cannot be used: ${reason}.`);
    this.name = 'MailServerAwayError';
  }
}

/** For logs: enough to recognise one's own test, too little to know somebody by. */
export function maskedAddress(address: string): string {
  const [local = '', domain = ''] = address.split('@');
  return `${Array.from(local)[0] ?? ''}…@${domain}`;
}
