import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { CurrentSession, Public, Requires, type SessionActor } from '../../../kernel/auth/index.js';
import { Returns, ReturnsNothing, UserError } from '../../../kernel/http/index.js';
import { Guesses } from '../guessing/guesses.js';
import { EmailChange } from './email-change.service.js';
import { EmailVerification } from './email-verification.service.js';
import { acceptedView, addressIn, codeIn, resetIn, type AcceptedView } from './mail-flows.schema.js';
import { MailedCodes } from './mailed-codes.service.js';
import { PasswordReset } from './password-reset.service.js';

type Address = z.output<typeof addressIn>;
type Code = z.output<typeof codeIn>;

const isWrongCode = (error: unknown): boolean => error instanceof UserError && error.code === 'token_invalid';

const ACCEPTED: AcceptedView = { status: 'accepted' };
const SAME_ANSWER = 'answers the same, after the same time, whoever has the address';
const PROVES_MAILBOX = 'asks for a code that was mailed to the account';

@ApiTags('Auth')
@Controller('api/auth')
export class MailFlowsController {
  constructor(
    private readonly verification: EmailVerification,
    private readonly codes: MailedCodes,
    private readonly resets: PasswordReset,
    private readonly changes: EmailChange,
    private readonly guesses: Guesses,
  ) {}

  @Post('email/verify')
  @Public(PROVES_MAILBOX)
  @ReturnsNothing('The address is proven, or a change of address is carried out; 400 `token_invalid`.')
  verify(@Body({ schema: codeIn }) { token }: Code): Promise<void> {
    return this.guarded(() => this.codes.verify(token));
  }

  @Post('email/resend')
  @Public(SAME_ANSWER)
  @Returns(202, acceptedView, 'A new code is mailed if an unverified account has this address.')
  async resend(@Body({ schema: addressIn }) { email }: Address): Promise<AcceptedView> {
    await this.verification.resend(email);
    return ACCEPTED;
  }

  @Post('email/change')
  @Requires('user', 'session', { recentLogin: true })
  @Returns(202, acceptedView, 'A code is mailed to the new address, which counts once the code is used.')
  async changeEmail(
    @CurrentSession() actor: SessionActor,
    @Body({ schema: addressIn }) { email }: Address,
  ): Promise<AcceptedView> {
    await this.changes.ask(actor, email);
    return ACCEPTED;
  }

  @Post('email/undo')
  @Public(PROVES_MAILBOX)
  @ReturnsNothing(
    'The account has its former address again and no session; a code for a new password is mailed.',
  )
  undo(@Body({ schema: codeIn }) { token }: Code): Promise<void> {
    return this.guarded(() => this.changes.undo(token));
  }

  @Post('password/forgot')
  @Public(SAME_ANSWER)
  @Returns(202, acceptedView, 'A code is mailed if an account has this address.')
  async forgot(@Body({ schema: addressIn }) { email }: Address): Promise<AcceptedView> {
    await this.resets.forgot(email);
    return ACCEPTED;
  }

  @Post('password/reset')
  @Public(PROVES_MAILBOX)
  @ReturnsNothing('The password is set and all sessions have ended; log in with it. 400 `token_invalid`.')
  reset(@Body({ schema: resetIn }) { token, newPassword }: z.output<typeof resetIn>): Promise<void> {
    return this.guarded(() => this.resets.reset(token, newPassword));
  }

  /** Wrong codes count against the address they come from: 429 `too_many_guesses`. */
  private guarded(use: () => Promise<void>): Promise<void> {
    return this.guesses.ofAddress('mailed-code', isWrongCode, use);
  }
}
