import { Injectable } from '@nestjs/common';
import type { Tx } from '../../kernel/database/index.js';

/** One kind of thing a module keeps about a person, as rows of the archive. */
export interface PersonalRecords {
  /** File name in the archive without its ending, for example `sessions`. */
  readonly name: string;
  readonly rows: AsyncIterable<object>;
}

/**
 * What a module that keeps something about people does when an account changes its state (C5). Each module registers
 * one; users knows none of them.
 */
export interface AccountHook {
  /** The module, for error messages. */
  readonly module: string;
  /** In the transaction that deactivates the account: end what acts in its name. */
  deactivated?(tx: Tx, userId: string): Promise<void>;
  /** In the transaction that gives the account another role: let nothing go on with the old one. */
  rightsChanged?(tx: Tx, userId: string): Promise<void>;
  /** In the transaction that erases the person: remove everything of theirs. Runs after `deactivated`. */
  erased?(tx: Tx, userId: string): Promise<void>;
  /** Everything the module keeps about the person that is theirs to have; never secrets, hashes or keys. */
  exported?(userId: string): Iterable<PersonalRecords>;
}

/** The hooks of this process. Modules register in `onModuleInit`. */
@Injectable()
export class AccountHooks {
  private readonly hooks: AccountHook[] = [];

  register(hook: AccountHook): void {
    this.hooks.push(hook);
  }

  async deactivated(tx: Tx, userId: string): Promise<void> {
    for (const hook of this.hooks) await hook.deactivated?.(tx, userId);
  }

  async rightsChanged(tx: Tx, userId: string): Promise<void> {
    for (const hook of this.hooks) await hook.rightsChanged?.(tx, userId);
  }

  async erased(tx: Tx, userId: string): Promise<void> {
    await this.deactivated(tx, userId);
    for (const hook of this.hooks) await hook.erased?.(tx, userId);
  }

  *exported(userId: string): Iterable<PersonalRecords> {
    for (const hook of this.hooks) yield* hook.exported?.(userId) ?? [];
  }
}
