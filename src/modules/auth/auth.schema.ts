import { z } from 'zod';
import { instantOut, pageOf, pageQuery, uuid } from '../../kernel/http/index.js';
import {
  anyIdentifier,
  anyPassword,
  emailIn,
  fullNameIn,
  newPassword,
  usernameIn,
  userView,
} from '../users/index.js';
import { anyCode } from './factors/any-code.js';
import { deviceInfo } from './sessions/device-info.js';

export const registration = z.strictObject({
  email: emailIn,
  password: newPassword,
  username: usernameIn.optional(),
  fullName: fullNameIn.optional(),
});

export const login = z.strictObject({
  /** E-mail or username. */
  identifier: anyIdentifier,
  password: anyPassword,
  /** As a login of this device has answered it: then wrong logins of others do not hinder this one. */
  deviceToken: z.string().max(4096).optional(),
  /** Where a second factor is set up: of the authenticator, or a recovery code. */
  code: anyCode.optional(),
});

export const refreshRequest = z.strictObject({ refreshToken: z.string().max(4096) });

export const sessionsQuery = z.strictObject(pageQuery);

export const tokensView = z
  .object({
    user: userView,
    accessToken: z.string(),
    refreshToken: z.string(),
    tokenType: z.literal('Bearer'),
    /** Seconds until the access token expires. */
    expiresIn: z.int(),
    /** Of a login: to be kept on the device and sent with the next login. */
    deviceToken: z.string().optional(),
  })
  .meta({ id: 'Tokens' });

export const sessionView = z
  .object({
    id: uuid,
    /** What the User-Agent says, of login or the last refresh. */
    deviceInfo,
    userAgent: z.string().nullable(),
    ipAddress: z.string().nullable(),
    lastActivityAt: instantOut,
    createdAt: instantOut,
    expiresAt: instantOut,
    isCurrent: z.boolean(),
  })
  .meta({ id: 'Session' });
export const sessionPage = pageOf(sessionView);

export type Registration = z.output<typeof registration>;
export type Login = z.output<typeof login>;
export type TokensView = z.output<typeof tokensView>;
export type SessionView = z.output<typeof sessionView>;
