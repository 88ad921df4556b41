import { UserError } from '../../../kernel/http/index.js';

/** Which check a token failed, for the log: fixed words, so that nothing of the token can be in them. */
export type RefusalReason =
  | 'missing'
  | 'oversized'
  | 'malformed'
  | 'algorithm'
  | 'signature'
  | 'audience'
  | 'issuer'
  | 'kind_or_claims'
  | 'not_valid_yet'
  | 'issued_in_the_future'
  | 'expired'
  | 'session_ended';

const ANSWERS = {
  token_missing: 'Send an access token: Authorization: Bearer …',
  token_invalid: 'The access token is not valid.',
  token_expired: 'The access token has expired; refresh it.',
  session_ended: 'The session has ended; log in again.',
} as const;
type Code = keyof typeof ANSWERS;

const OWN_CODES: Readonly<Partial<Record<RefusalReason, Code>>> = {
  missing: 'token_missing',
  expired: 'token_expired',
  session_ended: 'session_ended',
};

/** What passport-jwt's library says, in our words. Its texts may quote the token, so none of them is passed on. */
const LIBRARY_REASONS: readonly (readonly [RegExp, RefusalReason])[] = [
  [/^No auth token/, 'missing'],
  [/^(invalid algorithm|please specify "none")/, 'algorithm'],
  [/^(invalid signature|jwt signature is required)/, 'signature'],
  [/^jwt audience invalid/, 'audience'],
  [/^jwt issuer invalid/, 'issuer'],
];

/** 401. The caller learns what to do next and, for a forged token, nothing about which check it failed. */
export class TokenRefused extends UserError {
  constructor(readonly reason: RefusalReason) {
    const code = OWN_CODES[reason] ?? 'token_invalid';
    super(401, code, ANSWERS[code], [], { 'WWW-Authenticate': 'Bearer' });
  }

  static byLibrary(error: unknown): TokenRefused {
    const message = error instanceof Error ? error.message : '';
    return new TokenRefused(LIBRARY_REASONS.find(([text]) => text.test(message))?.[1] ?? 'malformed');
  }

  /** Nobody makes such a token by mistake, or keeps one by chance. */
  get isSuspicious(): boolean {
    return !(this.reason in OWN_CODES);
  }
}
