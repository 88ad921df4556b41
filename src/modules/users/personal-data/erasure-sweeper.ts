import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Settings, serves } from '../../../kernel/config/index.js';
import { Database } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { AccountHooks } from '../account-hooks.js';
import { ErasuresRepository } from './erasures.repository.js';

/**
 * Looks after erasures for a minute, and for as long as something is left to remove, in every process with the
 * worker or scheduler role. The list of them is in the database, so a crash or a restart only delays it.
 */
@Injectable()
export class ErasureSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;

  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly erasures: ErasuresRepository,
    private readonly hooks: AccountHooks,
    log: Log,
  ) {
    this.log = log.area('erasures');
    this.flight = SingleFlight.held(
      () => this.pass(),
      (error) => this.log.warn({ err: error }, 'what erased people left cannot be removed just now'),
    );
  }

  onApplicationBootstrap(): void {
    if (serves(this.settings, 'worker', 'scheduler')) this.flight.begin();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(2_500)
  wake(): void {
    this.flight.trigger();
  }

  private async pass(): Promise<void> {
    while (this.flight.isOpen && (await this.look()));
  }

  /** False when no erasure is due. */
  private async look(): Promise<boolean> {
    const scope = this.database.system('erasure');
    let userId: string | undefined;
    try {
      return await scope.tx(async (tx) => {
        const due = await this.erasures.claimDue(tx);
        if (!due) return false;
        userId = due.userId;
        const clean = await this.hooks.swept(tx, due.userId);
        if (clean && due.settled) await this.erasures.close(tx, due.userId);
        else await this.erasures.postpone(tx, due.userId, clean);
        return true;
      });
    } catch (error) {
      // One that fails must not keep the others from their turn.
      const failed = userId;
      if (failed !== undefined) await scope.tx((tx) => this.erasures.postpone(tx, failed, false));
      throw error;
    }
  }
}
