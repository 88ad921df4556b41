import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Passport } from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { z } from 'zod';
import { uuid } from '../../../kernel/http/index.js';
import { Clock } from '../../../kernel/time/index.js';
import { ACCESS_TOKEN_AUDIENCE, ACCESS_TOKEN_ISSUER, ACCESS_TOKEN_TYPE } from './access-tokens.js';
import { SigningKeys } from './signing-keys.js';
import { TokenRefused } from './token-refused.js';

/** How far the clocks of two processes may be apart: every instant in a token is taken with so much tolerance. */
const CLOCK_LEEWAY_MS = 30_000;

const seconds = z.int().positive();
const accessToken = z.object({
  // Strict: we write nothing else into a header, so a kid, jku, jwk, x5u or crit is somebody else's.
  header: z.strictObject({ alg: z.literal('HS256'), typ: z.literal(ACCESS_TOKEN_TYPE) }),
  payload: z.object({
    sub: uuid,
    sid: uuid,
    jti: uuid,
    iat: seconds,
    exp: seconds,
    nbf: seconds.optional(),
  }),
});

/** What an access token says: a claim until the session was looked at. */
export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
}

type PassportInstance = InstanceType<typeof Passport>;

/**
 * passport-jwt for access tokens: signature, algorithm, audience and issuer are its matter, then kind, claims and
 * times are checked here. Whether the session still stands a token cannot say: see `StandingSessions`.
 */
@Injectable()
export class AccessTokenStrategy extends PassportStrategy(Strategy) {
  /** Its own: the library's shared one is per process, and a second application would take over the name `jwt`. */
  declare passport: PassportInstance;

  constructor(
    keys: SigningKeys,
    private readonly clock: Clock,
  ) {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      // A KeyObject works although the type does not say so; the fixed algorithm refuses `none` and confusion.
      secretOrKey: keys.access as unknown as Buffer,
      algorithms: ['HS256'],
      audience: ACCESS_TOKEN_AUDIENCE,
      issuer: ACCESS_TOKEN_ISSUER,
      // `validate` checks the times by the injected clock; a token without an expiry is refused there too.
      ignoreExpiration: true,
      jsonWebTokenOptions: { complete: true, ignoreNotBefore: true },
    });
  }

  /** Asked for by PassportStrategy while the strategy registers itself. */
  getPassportInstance(): PassportInstance {
    this.passport = new Passport();
    return this.passport;
  }

  /** Called by passport with the decoded token, whose signature is right. Throws `TokenRefused`. */
  validate(decoded: unknown): AccessClaims {
    const token = accessToken.safeParse(decoded);
    if (!token.success) throw new TokenRefused('kind_or_claims');
    const { sub, sid, iat, exp, nbf = 0 } = token.data.payload;
    const now = this.clock.now().getTime();
    if (now >= exp * 1000 + CLOCK_LEEWAY_MS) throw new TokenRefused('expired');
    if (now < nbf * 1000 - CLOCK_LEEWAY_MS) throw new TokenRefused('not_valid_yet');
    if (now < iat * 1000 - CLOCK_LEEWAY_MS) throw new TokenRefused('issued_in_the_future');
    return { userId: sub, sessionId: sid };
  }
}
