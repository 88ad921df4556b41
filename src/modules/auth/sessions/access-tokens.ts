import { Injectable } from '@nestjs/common';
import { JwtService, type JwtModuleOptions } from '@nestjs/jwt';
import { Settings } from '../../../kernel/config/index.js';
import { newId } from '../../../kernel/database/index.js';
import { Clock } from '../../../kernel/time/index.js';
import type { SigningKeys } from './signing-keys.js';

export const ACCESS_TOKEN_ISSUER = 'steward';
export const ACCESS_TOKEN_AUDIENCE = 'steward';
/** In the header, so that no other kind of token signed with this key can ever pass for one (RFC 9068). */
export const ACCESS_TOKEN_TYPE = 'at+jwt';

export function accessTokenOptions(keys: SigningKeys): JwtModuleOptions {
  return {
    secret: keys.access,
    signOptions: {
      algorithm: 'HS256',
      issuer: ACCESS_TOKEN_ISSUER,
      audience: ACCESS_TOKEN_AUDIENCE,
      header: { alg: 'HS256', typ: ACCESS_TOKEN_TYPE },
    },
  };
}

/**
 * Issues access tokens: they name the user and the session and carry no rights, which are read from the database
 * on every request. So they need no revoking of their own and say nothing about a person.
 */
@Injectable()
export class AccessTokens {
  constructor(
    private readonly jwt: JwtService,
    private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  /** `expiresIn` in seconds. */
  async issue(userId: string, sessionId: string): Promise<{ accessToken: string; expiresIn: number }> {
    const expiresIn = this.settings.accessTokenSeconds;
    const iat = Math.floor(this.clock.now().getTime() / 1000);
    const claims = { sub: userId, sid: sessionId, jti: newId(), iat, exp: iat + expiresIn };
    return { accessToken: await this.jwt.signAsync(claims), expiresIn };
  }
}
