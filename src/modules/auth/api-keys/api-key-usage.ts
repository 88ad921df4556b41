import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Database } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { ApiKeysRepository, type ApiKeyUse } from './api-keys.repository.js';

/**
 * When and from where keys were last used, to the minute. Noted beside the requests, which do not wait for it, and
 * for all keys that were used meanwhile in one statement; a use that cannot be noted harms no request.
 */
@Injectable()
export class ApiKeyUsage implements BeforeApplicationShutdown {
  private uses = new Map<string, ApiKeyUse>();
  private readonly flight: SingleFlight;

  constructor(
    private readonly database: Database,
    private readonly keys: ApiKeysRepository,
    log: Log,
  ) {
    this.flight = new SingleFlight(
      () => this.write(),
      (error) => log.area('auth').warn({ err: error }, 'the use of API keys could not be noted'),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  note(use: ApiKeyUse): void {
    this.uses.set(use.id, use);
    this.flight.trigger();
  }

  private async write(): Promise<void> {
    const uses = [...this.uses.values()];
    this.uses = new Map();
    if (uses.length > 0) await this.database.system('api key usage').tx((tx) => this.keys.noteUses(tx, uses));
  }
}
