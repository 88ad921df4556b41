import { StandardSchemaValidationPipe } from '@nestjs/common';
import { z } from 'zod';
import { UserError, type FieldError } from './errors.js';

interface Issue {
  readonly message: string;
  readonly code?: string;
  readonly keys?: readonly string[];
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Schema issues as RFC 9457 field errors; an unknown key is reported at its own pointer. */
export function fieldErrors(issues: readonly Issue[], prefix = ''): FieldError[] {
  return issues.flatMap((issue) => {
    const base =
      prefix +
      (issue.path ?? []).map((part) => `/${escape(typeof part === 'object' ? part.key : part)}`).join('');
    const code = issue.code ?? 'invalid';
    if (issue.keys)
      return issue.keys.map((key) => ({
        pointer: `${base}/${escape(key)}`,
        code: 'unknown_field',
        detail: 'is not a known field',
      }));
    return [{ pointer: base === '' ? '/' : base, code, detail: issue.message }];
  });
}

export function validationError(issues: readonly Issue[], prefix = ''): UserError {
  const errors = fieldErrors(issues, prefix);
  const first = errors[0];
  return UserError.malformed(
    first ? `${first.pointer} ${first.detail}` : 'The request is malformed.',
    errors,
  );
}

/** Parses with `schema` or throws a 400 naming every wrong field below `prefix`. */
export function parseOrThrow<T>(schema: z.ZodType<T>, value: unknown, prefix = ''): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw validationError(parsed.error.issues, prefix);
  return parsed.data;
}

export const validationPipe = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) => validationError(issues),
});

const escape = (key: PropertyKey): string => String(key).replaceAll('~', '~0').replaceAll('/', '~1');

/** Text of `min` to `max` characters, counted as PostgreSQL counts them: code points, not UTF-16 units. */
export const textOf = (min: number, max: number) =>
  z
    .string({ error: 'must be a text' })
    .superRefine((value, context) => {
      const characters = Array.from(value).length;
      const message = `must have ${min} to ${max} characters`;
      if (characters < min)
        context.addIssue({ code: 'too_small', origin: 'string', minimum: min, inclusive: true, message });
      if (characters > max)
        context.addIssue({ code: 'too_big', origin: 'string', maximum: max, inclusive: true, message });
    })
    .meta({ minLength: min, maxLength: max });

/**
 * A name people read in lists: one line of 1 to `max` characters, of which one at least can be seen, without
 * controls of the line or of the reading direction, which would let one name pass for another.
 */
export const nameOf = (max: number) =>
  textOf(1, max)
    .refine(
      (value) => !/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(value),
      'must not contain control characters',
    )
    .refine((value) => value.trim() === value, 'must not begin or end with a space')
    .refine(
      (value) => value === '' || !/^[\p{Cf}\p{Z}]+$/u.test(value),
      'must have a character that can be seen',
    )
    .meta({ minLength: 1, maxLength: max });
/** One of a closed list, which the refusal names. */
export const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` });
export const uuid = z.uuid({ error: 'must be a UUID' });
/** An instant on the wire: RFC 3339 in UTC with milliseconds. */
export const instantOut = z.iso.datetime({ precision: 3 });
/** An instant from a client: RFC 3339 with a zone, years 1970 to 9999. */
export const instantIn = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 time with a zone, such as 2026-11-20T09:00:00Z' })
  .transform((value, context) => {
    const at = new Date(value);
    if (at.getUTCFullYear() >= 1970 && at.getUTCFullYear() <= 9999) return at;
    context.addIssue({ code: 'custom', message: 'must lie between the years 1970 and 9999' });
    return z.NEVER;
  });
/** A whole number from the query, in decimal digits alone: not what else `Number` takes, such as `0x10` or `1e1`. */
export const wholeNumberIn = (minimum: number, maximum: number, fallback: number) =>
  z
    .string({ error: 'must be a number' })
    .regex(/^(?:0|[1-9]\d{0,8})$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum))
    .meta({ type: 'integer', minimum, maximum })
    .default(fallback);

export const pageQuery = {
  limit: wholeNumberIn(1, 100, 20),
  cursor: uuid.optional(),
};
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });
export const idParam = z.strictObject({ id: uuid });
