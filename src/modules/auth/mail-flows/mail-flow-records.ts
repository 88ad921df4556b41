import { Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { SingleFlight } from '../../../kernel/time/index.js';
import { AccountHooks, type PersonalRecords } from '../../users/index.js';
import { AccountTokensRepository } from './account-tokens.repository.js';
import { SeenDevicesRepository } from './seen-devices.repository.js';

const EVERY_MS = 3_600_000;
/** After their expiry, so that "I got a mail last week" can be answered. */
const TOKEN_DAYS = 7;
/** A device that nobody uses for so long is new again. */
const DEVICE_DAYS = 365;

/** What the mail flows keep about people: given out with an export, gone with an erasure, and swept once it is old. */
@Injectable()
export class MailFlowRecords implements OnModuleInit, BeforeApplicationShutdown {
  private readonly log: Log;
  private readonly flight: SingleFlight;

  constructor(
    private readonly database: Database,
    private readonly hooks: AccountHooks,
    private readonly tokens: AccountTokensRepository,
    private readonly devices: SeenDevicesRepository,
    log: Log,
  ) {
    this.log = log.area('auth');
    this.flight = new SingleFlight(
      () => this.sweep(),
      (error) => this.log.warn({ err: error }, 'old codes could not be removed, it is tried again'),
    );
  }

  onModuleInit(): void {
    this.hooks.register({
      module: 'auth mail flows',
      erased: async (tx, userId) => {
        await this.tokens.removeAllOf(tx, userId);
        await this.devices.removeAllOf(tx, userId);
      },
      exported: (userId) => this.exported(userId),
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flight.stop();
  }

  @Interval(EVERY_MS)
  tick(): void {
    this.flight.trigger();
  }

  async sweep(): Promise<void> {
    const { read } = this.database.system('account token sweep');
    const codes = await this.tokens.removeExpired(read, TOKEN_DAYS);
    const devices = await this.devices.removeUnseen(read, DEVICE_DAYS);
    if (codes + devices > 0) this.log.info({ codes, devices }, 'removed old codes and devices');
  }

  /** Never the codes, nor anything they could be made from. */
  private *exported(userId: string): Iterable<PersonalRecords> {
    const { read } = this.database.system('export');
    yield { name: 'mailed-codes', rows: rowsOf(() => this.tokens.allOf(read, userId)) };
    yield { name: 'seen-devices', rows: rowsOf(() => this.devices.allOf(read, userId)) };
  }
}

async function* rowsOf(load: () => Promise<object[]>): AsyncIterable<object> {
  yield* await load();
}
