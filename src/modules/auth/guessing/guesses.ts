import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../../kernel/config/index.js';
import { requestContext } from '../../../kernel/http/index.js';
import {
  Limiters,
  networkOf,
  tooMany,
  type GrowingBudget,
  type WindowBudget,
} from '../../../kernel/rate-limit/index.js';

const ADDRESS_SECONDS = 300;
const USER_SECONDS = 900;

/**
 * Budgets for guessing elsewhere than at the login (ASVS 6.3.1, 6.6.3). `kind` tells apart what is guessed, such as
 * `refresh` or `reset`, and is part of the counter's key.
 */
@Injectable()
export class Guesses implements OnModuleInit {
  private addresses: WindowBudget | null = null;
  private users: GrowingBudget | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly limiters: Limiters,
  ) {}

  onModuleInit(): void {
    const { guessLimitAddress: ofAddress, loginLimitAccount: ofUser } = this.settings;
    if (ofAddress > 0) this.addresses = this.limiters.window('rate:guess', ofAddress, ADDRESS_SECONDS);
    if (ofUser > 0) this.users = this.limiters.growing('rate:guess:user', ofUser, USER_SECONDS);
  }

  /**
   * For secrets nobody can guess, such as mailed tokens: those that `isWrong` says are counted against the address
   * afterwards, and too many of them are `UserError` 429 `too_many_guesses` instead. Right ones always pass, however
   * many there are at the same moment.
   */
  async ofAddress<T>(kind: string, isWrong: (error: unknown) => boolean, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const address = networkOf(requestContext.current()?.ipAddress ?? null);
      const taken = isWrong(error) ? await this.addresses?.take(`${kind}:${address}`) : undefined;
      throw taken?.allowed === false ? tooManyGuesses(taken.freeInMs) : error;
    }
  }

  /**
   * For secrets that can be guessed, such as the password of a signed-in user or a code of six digits: counted before
   * the work and given back unless `isWrong`, with growing waits. `UserError` 429 `too_many_guesses` without doing it.
   */
  async ofUser<T>(
    kind: string,
    userId: string,
    isWrong: (error: unknown) => boolean,
    work: () => Promise<T>,
  ): Promise<T> {
    const taken = await this.users?.take(`${kind}:${userId}`);
    if (taken?.allowed === false) throw tooManyGuesses(taken.freeInMs);
    try {
      const done = await work();
      await taken?.giveBack();
      return done;
    } catch (error) {
      if (!isWrong(error)) await taken?.giveBack();
      throw error;
    }
  }
}

const tooManyGuesses = (waitMs: number): Error =>
  tooMany('too_many_guesses', 'Too many wrong ones; wait as long as Retry-After says.', waitMs);
