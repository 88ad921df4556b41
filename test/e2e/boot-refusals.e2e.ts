import 'reflect-metadata';
import { Controller, Get, Injectable, Module, type Provider, type Type } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { loadSettings } from '../../src/kernel/config/index.js';
import { createHttpApplication } from '../../src/kernel/http/application.js';
import { KernelModule } from '../../src/kernel/kernel.module.js';
import { Log } from '../../src/kernel/log/index.js';
import { AuthModule } from '../../src/modules/auth/index.js';
import { HandlesJob, JobHandler, JobsModule, defineJob } from '../../src/modules/jobs/index.js';
import { createTestDatabase, type TestDatabase } from '../harness/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Boots with these parts beside the real ones, and answers why it did not start. */
async function refusal(parts: { controllers?: Type[]; providers?: Provider[] }): Promise<string> {
  @Module({})
  class Root {}
  const settings = loadSettings({
    NODE_ENV: 'test',
    STEWARD_ROLE: 'api',
    DATABASE_URL: database.url,
    STEWARD_SECRET: 's'.repeat(32),
  });
  const log = Log.create({ level: 'fatal', format: 'json' });
  const runtime = { settings, databaseUrl: database.url, log };
  const imports = [KernelModule.forRoot(runtime), AuthModule, JobsModule];
  const app = await createHttpApplication({ module: Root, imports, ...parts }, log);
  try {
    await app.init();
    return 'started';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await app.close().catch(() => undefined);
  }
}

const definition = defineJob({
  name: 'wash-dishes',
  summary: 'Washes the dishes.',
  payload: z.strictObject({}),
});

class Handler extends JobHandler {
  async run(): Promise<object> {
    return {};
  }
}

it('starts when everything is declared', async () => {
  expect(await refusal({})).toBe('started');
});

it('a route that declares neither @Requires nor @Public is refused by name', async () => {
  @Controller('undeclared')
  class CarelessController {
    @Get()
    look(): string {
      return 'at everything';
    }
  }
  expect(await refusal({ controllers: [CarelessController] })).toBe(
    "Routes without @Requires(…) or @Public('why'): CarelessController.look (GET)",
  );
});

it('two handlers for one job type are refused by name', async () => {
  @Injectable()
  @HandlesJob(definition)
  class First extends Handler {}
  @Injectable()
  @HandlesJob(definition)
  class Second extends Handler {}
  expect(await refusal({ providers: [First, Second] })).toContain(
    'two handlers for the job type "wash-dishes"',
  );
});

it('job types whose numbers make no sense are refused, all of them by name', async () => {
  @Injectable()
  @HandlesJob({ ...definition, name: 'wash-nothing', limits: { global: 0 } })
  class Nothing extends Handler {}
  @Injectable()
  @HandlesJob({
    ...definition,
    name: 'wash-crowd',
    hintSize: 101,
    limits: { rate: { jobs: 1, perSeconds: 0 } },
  })
  class Crowd extends Handler {}
  const reason = await refusal({ providers: [Nothing, Crowd] });
  expect(reason).toContain('"wash-nothing": limits.global must be a whole number from 1');
  expect(reason).toContain('"wash-crowd": hintSize must be a whole number from 1 to 100, not 101');
  expect(reason).toContain('"wash-crowd": limits.rate.perSeconds must be more than 0');
});
