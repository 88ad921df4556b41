import type { AccountMailName } from '../../auth/index.js';

/** One mail in one language. `{name}`s stand for values; what they are is the same in every language. */
export interface MailText {
  readonly subject: string;
  readonly before: readonly string[];
  /** Words of the link, in mails that hold a code. */
  readonly action?: string;
  readonly after: readonly string[];
}

/** Everything that is mailed, in one language. */
export interface MailTexts {
  readonly direction: 'ltr' | 'rtl';
  /** With `{name}`. */
  readonly greeting: string;
  readonly greetingWithoutName: string;
  /** Before the code: when there is a link too, and when the code is all there is. */
  readonly codeBesideLink: string;
  readonly codeAlone: string;
  /** When it happened, with `{time}` and `{timezone}`. */
  readonly happened: string;
  readonly footer: string;
  readonly mails: Readonly<Record<AccountMailName, MailText>>;
}
