import { Global, Module, type OnModuleInit } from '@nestjs/common';
import path from 'node:path';
import { Settings } from '../config/index.js';
import { Health } from '../health/index.js';
import { Clock } from '../time/index.js';
import { FileStore } from './file-store.js';
import { LocalStore } from './local-store.js';
import { S3Store } from './s3-store.js';

/** How long an answer of the store is good for: whoever asks for the health must not make it busy. */
const CHECKED_FOR_MS = 60_000;

function storeOf(settings: Settings, clock: Clock): FileStore {
  if (settings.store === 'local')
    return new LocalStore(path.join(settings.dataDir, 'store'), () => clock.now().getTime());
  return new S3Store({
    endpoint: settings.s3Endpoint ?? '',
    region: settings.s3Region,
    bucket: settings.s3Bucket ?? '',
    accessKey: settings.s3AccessKey ?? '',
    secretKey: settings.s3SecretKey ?? '',
    pathStyle: settings.s3PathStyle,
  });
}

/** The store of the settings. A part of the health report: without it what needs it waits. */
@Global()
@Module({
  providers: [{ provide: FileStore, useFactory: storeOf, inject: [Settings, Clock] }],
  exports: [FileStore],
})
export class StorageModule implements OnModuleInit {
  private checkedAt = -Infinity;

  constructor(
    private readonly store: FileStore,
    private readonly health: Health,
  ) {}

  onModuleInit(): void {
    this.health.register({ name: 'store', vital: false, check: () => this.check() });
  }

  private async check(): Promise<string | undefined> {
    if (performance.now() < this.checkedAt + CHECKED_FOR_MS) return undefined;
    try {
      await this.store.check();
      this.checkedAt = performance.now();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
