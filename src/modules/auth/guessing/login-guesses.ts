import { Injectable, type OnModuleInit } from '@nestjs/common';
import { createHmac, type KeyObject } from 'node:crypto';
import { Settings } from '../../../kernel/config/index.js';
import { Keyring } from '../../../kernel/crypto/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError, requestContext } from '../../../kernel/http/index.js';
import {
  ApiLimits,
  Limiters,
  networkOf,
  tooMany,
  type GrowingBudget,
  type Try,
  type WindowBudget,
} from '../../../kernel/rate-limit/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { AuditService } from '../../audit/index.js';
import { UsersService, identifierKey } from '../../users/index.js';
import { ACCOUNT_CHANNEL, LOGIN_GUESSED, type LoginGuessedData } from '../auth.events.js';
import { DeviceTokens } from './device-tokens.js';

const ADDRESS_SECONDS = 300;
const ACCOUNT_SECONDS = 900;
/** Whoever logs in without a known device also counts as a caller of this route without credentials. */
const ROUTE = 'POST:/api/auth/login';

/** What a login that was let in is told. */
export interface LoginTry {
  /** If this one is wrong, too, somebody is guessing: its owner is to be told. */
  readonly isLast: boolean;
  /** The device token to answer with. */
  deviceToken(userId: string): string;
}

interface Wanted {
  readonly identifier: string;
  readonly deviceToken?: string | undefined;
}

/**
 * Budgets for wrong logins (S1-38, C28, ASVS 6.1.1, 6.3.1): per address, and per account with growing waits. Taken
 * before the password is checked, so that parallel guesses cannot slip through, and given back unless it was wrong.
 * An account there is and one there is not are counted alike. A device that has logged in to the account before
 * (`deviceToken`) has a budget of its own and passes both others, so nobody can lock an owner out by guessing.
 */
@Injectable()
export class LoginGuesses implements OnModuleInit {
  private addresses: WindowBudget | null = null;
  private accounts: GrowingBudget | null = null;
  private devices: GrowingBudget | null = null;
  private notices: WindowBudget | null = null;
  private readonly key: KeyObject;

  constructor(
    keyring: Keyring,
    private readonly settings: Settings,
    private readonly limiters: Limiters,
    private readonly limits: ApiLimits,
    private readonly tokens: DeviceTokens,
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly audit: AuditService,
    private readonly events: Events,
  ) {
    this.key = keyring.derive('login budget');
  }

  onModuleInit(): void {
    const { loginLimitAddress: ofAddress, loginLimitAccount: ofAccount } = this.settings;
    if (ofAddress > 0) this.addresses = this.limiters.window('rate:login', ofAddress, ADDRESS_SECONDS);
    if (ofAccount === 0) return;
    this.accounts = this.limiters.growing('rate:login:account', ofAccount, ACCOUNT_SECONDS);
    this.devices = this.limiters.growing('rate:login:device', ofAccount, ACCOUNT_SECONDS);
    this.notices = this.limiters.window('rate:login:notice', 1, ACCOUNT_SECONDS);
  }

  /** Runs one login, or throws `UserError` 429 `login_throttled` without doing so. */
  async guard<T>(wanted: Wanted, login: (attempt: LoginTry) => Promise<T>): Promise<T> {
    const device = await this.knownDevice(wanted);
    const taken = device === null ? await this.takeUnknown(wanted.identifier) : await this.takeKnown(device);
    const deviceToken = (userId: string): string => this.tokens.issue(userId, device ?? undefined);
    try {
      const done = await login({ isLast: taken.isLast, deviceToken });
      await taken.giveBack();
      return done;
    } catch (error) {
      if (!isWrongGuess(error)) await taken.giveBack();
      throw error;
    }
  }

  /** Once in a window: an entry in the trail, and an event for the owner of the account. */
  async report(userId: string): Promise<void> {
    if ((await this.notices?.take(userId))?.allowed !== true) return;
    await this.database.system('login').tx(async (tx) => {
      const resource = { type: 'user', id: userId };
      await this.audit.record(tx, {
        actor: null,
        action: 'auth.login_throttled',
        resource,
        result: 'failure',
      });
      await this.events.record(tx, [
        {
          type: LOGIN_GUESSED,
          channel: ACCOUNT_CHANNEL,
          userId,
          subjectId: userId,
          data: { ipAddress: requestContext.current()?.ipAddress ?? null } satisfies LoginGuessedData,
        },
      ]);
    });
  }

  /** Null without a token, with one that is not ours and with one of another account: as if there were none. */
  private async knownDevice({ identifier, deviceToken }: Wanted): Promise<string | null> {
    const read = deviceToken === undefined ? null : this.tokens.read(deviceToken);
    if (read === null) return null;
    const account = await this.users.credentials(this.database.read, identifier);
    return account?.userId === read.userId ? read.device : null;
  }

  private async takeKnown(device: string): Promise<Try> {
    return admitted(await this.devices?.take(device));
  }

  private async takeUnknown(identifier: string): Promise<Try> {
    await this.limits.address(ROUTE);
    const address = networkOf(requestContext.current()?.ipAddress ?? null);
    const fromAddress = await this.addresses?.take(address);
    if (fromAddress?.allowed === false) throw throttled(fromAddress.freeInMs);
    const giveAddressBack = async (): Promise<void> => this.addresses?.giveBack(address);
    const toAccount = await this.accounts?.take(this.accountKey(identifier));
    if (toAccount?.allowed === false) {
      // Nothing was guessed, so it must not shut the address.
      await giveAddressBack();
      throw throttled(toAccount.freeInMs);
    }
    const account = admitted(toAccount);
    return {
      ...account,
      giveBack: async () => void (await Promise.all([giveAddressBack(), account.giveBack()])),
    };
  }

  /** Hashed, because people type passwords into the field of the name; keyed, because Redis may be read by others. */
  private accountKey(identifier: string): string {
    const { kind, key } = identifierKey(identifier) ?? { kind: 'none', key: identifier };
    return createHmac('sha256', this.key).update(`${kind}|${key}`).digest('base64url');
  }
}

/** What was not limited at all is let in. */
function admitted(taken: Try | undefined): Try {
  if (taken === undefined)
    return { allowed: true, isLast: false, freeInMs: 0, giveBack: () => Promise.resolve() };
  if (!taken.allowed) throw throttled(taken.freeInMs);
  return taken;
}

/** A right password without the second factor is no guess, and neither is what went wrong on our side. */
const isWrongGuess = (error: unknown): boolean =>
  error instanceof UserError && error.status === 401 && error.code !== 'mfa_required';

const throttled = (waitMs: number): UserError =>
  tooMany('login_throttled', 'Too many failed logins; wait as long as Retry-After says.', waitMs);
