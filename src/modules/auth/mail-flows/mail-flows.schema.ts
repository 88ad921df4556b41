import { z } from 'zod';
import { emailIn, newPassword } from '../../users/index.js';

const token = z.string({ error: 'must be a text' }).max(200);

export const addressIn = z.strictObject({ email: emailIn });
export const codeIn = z.strictObject({ token });
export const resetIn = z.strictObject({ token, newPassword });

/** The same whatever became of the request. */
export const acceptedView = z.object({ status: z.literal('accepted') }).meta({ id: 'Accepted' });
export type AcceptedView = z.output<typeof acceptedView>;
