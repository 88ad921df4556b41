import { z } from 'zod';

/** The RFC 9457 problem document, as documented; `Problem` is what the filter writes. */
export const problemView = z
  .object({
    type: z.url().describe('Names the kind of problem.'),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string().describe('For people; may change at any time.'),
    instance: z.string().describe('The path that was asked for, without its query.'),
    code: z.string().describe('For programs; stable.'),
    requestId: z.string(),
    errors: z.array(
      z.object({
        pointer: z.string().describe('JSON Pointer of the wrong value.'),
        code: z.string(),
        detail: z.string(),
      }),
    ),
    methods: z
      .array(z.enum(['password', 'totp', 'recovery_code']))
      .optional()
      .describe(
        'With `mfa_required` and `reauth_required`: what is accepted as proof. A `totp` or `recovery_code` goes into the field `code`, along with the password.',
      ),
  })
  .meta({ id: 'Problem' });
