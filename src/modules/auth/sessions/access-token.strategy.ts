import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Passport } from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { z } from 'zod';
import type { Identity } from '../../../kernel/auth/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError, uuid } from '../../../kernel/http/index.js';
import { Clock } from '../../../kernel/time/index.js';
import { ACCESS_TOKEN_AUDIENCE, ACCESS_TOKEN_ISSUER, ACCESS_TOKEN_TYPE } from './access-tokens.js';
import { SessionsRepository } from './sessions.repository.js';
import { SigningKeys } from './signing-keys.js';

const seconds = z.int().positive();
const accessToken = z.object({
  header: z.object({ alg: z.literal('HS256'), typ: z.literal(ACCESS_TOKEN_TYPE) }),
  payload: z.object({ sub: uuid, sid: uuid, jti: uuid, iat: seconds, exp: seconds }),
});

type PassportInstance = InstanceType<typeof Passport>;

/**
 * passport-jwt for access tokens: signature, algorithm, audience and issuer are its matter, then kind, claims and
 * expiry are checked, then that the session still stands and its user is active, in one read by primary key. So
 * logging out, ending a session and deactivating a user act on the next request, on every process.
 */
@Injectable()
export class AccessTokenStrategy extends PassportStrategy(Strategy) {
  /** Its own: the library's shared one is per process, and a second application would take over the name `jwt`. */
  declare passport: PassportInstance;

  constructor(
    keys: SigningKeys,
    private readonly sessions: SessionsRepository,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      // A KeyObject works although the type does not say so; the fixed algorithm refuses `none` and confusion.
      secretOrKey: keys.access as unknown as Buffer,
      algorithms: ['HS256'],
      audience: ACCESS_TOKEN_AUDIENCE,
      issuer: ACCESS_TOKEN_ISSUER,
      // `validate` checks the expiry by the injected clock; a token without one is refused there too.
      ignoreExpiration: true,
      jsonWebTokenOptions: { complete: true },
    });
  }

  /** Asked for by PassportStrategy while the strategy registers itself. */
  getPassportInstance(): PassportInstance {
    this.passport = new Passport();
    return this.passport;
  }

  /** Called by passport with the decoded token. Throws `UserError` 401. */
  async validate(decoded: unknown): Promise<Identity> {
    const token = accessToken.safeParse(decoded);
    if (!token.success) throw UserError.unauthenticated('token_invalid', 'This is not an access token.');
    const { sub, sid, exp } = token.data.payload;
    if (this.clock.now().getTime() >= exp * 1000)
      throw UserError.unauthenticated('token_expired', 'The access token has expired; refresh it.');
    const holder = await this.sessions.holder(this.database.system('session check').read, sid);
    if (holder?.userId !== sub)
      throw UserError.unauthenticated('session_ended', 'The session has ended; log in again.');
    return {
      actor: { type: 'user', userId: sub, role: holder.role, sessionId: sid },
      scopes: null,
      authenticatedAt: holder.authenticatedAt,
      mustEnrol: false,
    };
  }
}
