import type { FieldError } from '../../kernel/http/index.js';

interface Refused {
  /** With dots between its parts. */
  readonly field: string;
  readonly message: string;
  /** What was probably meant. */
  readonly suggestion?: string | undefined;
}

/** What the planner refuses, as a client is told. */
export const fieldErrorOf = ({ field, message, suggestion }: Refused, code: string): FieldError => ({
  pointer: `/${field.replaceAll('.', '/')}`,
  code,
  detail: suggestion === undefined ? message : `${message}; did you mean "${suggestion}"?`,
});
