/** One wrong value in a request: `pointer` is its JSON Pointer (`/payload/source/path`), as in RFC 9457 examples. */
export interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

/** What the caller can prove who they are with, where that is what is missing. */
export interface ProofMembers {
  readonly methods?: readonly ('password' | 'totp' | 'recovery_code')[];
}

/**
 * An error with a known author. Rule 4 of the house: the class says who is at fault, and status, log level and
 * whether a job retries follow from it. Anything that is not an `AppError` is a bug: 500, reported, retried.
 */
export abstract class AppError extends Error {
  constructor(
    readonly status: number,
    /** Stable machine-readable word, for example `job_type_unknown`. */
    readonly code: string,
    detail: string,
    readonly errors: readonly FieldError[] = [],
    readonly headers: Readonly<Record<string, string>> = {},
    /** Further members of the problem document (RFC 9457, section 3.2). */
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.name = new.target.name;
  }
}

/** The caller is at fault: 4xx (507: its storage is full), logged at info, a job that throws it fails without a retry. */
export class UserError extends AppError {
  static malformed(
    detail: string,
    errors: readonly FieldError[] = [],
    code = 'validation_failed',
  ): UserError {
    return new UserError(400, code, detail, errors);
  }
  static field(pointer: string, code: string, detail: string): UserError {
    return new UserError(400, 'validation_failed', `${pointer} ${detail}`, [{ pointer, code, detail }]);
  }
  /** Several wrong values at once. */
  static fields(errors: readonly FieldError[]): UserError {
    return UserError.malformed(
      errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; '),
      errors,
    );
  }
  static unauthenticated(code: string, detail: string, members: ProofMembers = {}): UserError {
    return new UserError(401, code, detail, [], { 'WWW-Authenticate': 'Bearer' }, { ...members });
  }
  static forbidden(detail: string, code = 'forbidden', members: ProofMembers = {}): UserError {
    return new UserError(403, code, detail, [], {}, { ...members });
  }
  /** Also for what the actor may not know exists. */
  static notFound(what: string): UserError {
    return new UserError(404, 'not_found', `There is no such ${what}.`);
  }
  static conflict(code: string, detail: string, errors: readonly FieldError[] = []): UserError {
    return new UserError(409, code, detail, errors);
  }
  /** Somebody else has changed it since the caller read it. */
  static stale(what: string): UserError {
    return new UserError(412, 'precondition_failed', `This ${what} has changed; read it again.`);
  }
  static preconditionRequired(detail: string): UserError {
    return new UserError(428, 'precondition_required', detail);
  }
}

/** Something outside is not there just now: 503 with Retry-After, logged at warn, a job that throws it retries. */
export class OperationalError extends AppError {
  constructor(code: string, detail: string, retryAfterSeconds = 5) {
    super(503, code, detail, [], { 'Retry-After': String(retryAfterSeconds) });
  }
}
