import { textOf } from '../../../kernel/http/index.js';

/** Six digits of an authenticator or a recovery code, as typed: `codes.ts` reads it. */
export const anyCode = textOf(1, 64);
