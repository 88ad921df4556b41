import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { Database } from '../database/index.js';
import { Health } from './health.js';
import { HealthController } from './health.controller.js';

@Global()
@Module({ controllers: [HealthController], providers: [Health], exports: [Health] })
export class HealthModule implements OnModuleInit {
  constructor(
    private readonly health: Health,
    private readonly database: Database,
  ) {}

  onModuleInit(): void {
    this.health.register({ name: 'database', vital: true, check: () => this.database.ping() });
  }
}
