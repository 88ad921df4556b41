import { Injectable } from '@nestjs/common';
import type { Tx } from '../../kernel/database/index.js';

/** One kind of thing a module keeps about a person, as rows of the archive. */
export interface PersonalRecords {
  /** File name in the archive without its ending, for example `sessions`; no other module uses it. */
  readonly name: string;
  readonly rows: AsyncIterable<object>;
}

/**
 * What a module that keeps something about people does when an account changes its state (C5). Each module registers
 * one or more; users knows none of them.
 */
export interface AccountHook {
  /** The module, for error messages. */
  readonly module: string;
  /** In the transaction that deactivates the account: end what acts in its name. */
  deactivated?(tx: Tx, userId: string): Promise<void>;
  /** In the transaction that gives the account another role: let nothing go on with the old one. */
  rightsChanged?(tx: Tx, userId: string): Promise<void>;
  /**
   * In the transaction that erases the person, which sees everybody's rows: remove everything of theirs. Runs after
   * `deactivated`. What belongs to the installation rather than to the person goes to the heir, an active admin;
   * there is none only where no other admin is left.
   */
  erased?(tx: Tx, userId: string, heir: string | null): Promise<void>;
  /**
   * For what could not be removed at once, such as a job that has to end first: called after the erasure again and
   * again, whatever crashes in between, until it answers true because nothing is left.
   */
  swept?(tx: Tx, userId: string): Promise<boolean>;
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

  async erased(tx: Tx, userId: string, heir: string | null): Promise<void> {
    await this.deactivated(tx, userId);
    for (const hook of this.hooks) await hook.erased?.(tx, userId, heir);
  }

  /** Whether nothing is left anywhere. */
  async swept(tx: Tx, userId: string): Promise<boolean> {
    let clean = true;
    for (const hook of this.hooks) if ((await hook.swept?.(tx, userId)) === false) clean = false;
    return clean;
  }

  *exported(userId: string): Iterable<PersonalRecords> {
    for (const hook of this.hooks) yield* hook.exported?.(userId) ?? [];
  }
}
