/** What happened to somebody's account, told to that person. */
export const ACCOUNT_CHANNEL = 'account';

/** A spent refresh token came back and ended its session, which is the subject: somebody else may have a copy. */
export const REFRESH_REUSED = 'auth.refresh_reused';
