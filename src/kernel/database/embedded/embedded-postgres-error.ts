/** What went wrong, for callers that decide on it; the message is for the person who reads it. */
export type EmbeddedPostgresErrorCode =
  | 'unsupported_platform'
  | 'binaries_missing'
  | 'directory_unusable'
  | 'not_reachable_as_root'
  | 'version_mismatch'
  | 'password_missing'
  | 'password_rejected'
  | 'port_in_use'
  | 'init_failed'
  | 'start_failed'
  | 'start_timeout'
  | 'stop_failed';

/**
 * The embedded PostgreSQL cannot be used. The message is one paragraph that names the place and says what to do
 * about it; it never contains the password.
 */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';

  constructor(
    readonly code: EmbeddedPostgresErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The `code` of a Node or PostgreSQL error, or undefined for anything that carries none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
