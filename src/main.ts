import 'reflect-metadata';
import { AppModule } from './app.module.js';
import { loadSettings } from './kernel/config/index.js';
import { migrate } from './kernel/database/migrate.js';
import { createHttpApplication } from './kernel/http/application.js';
import { Log } from './kernel/log/index.js';

const settings = loadSettings();
const log = Log.create({ level: settings.logLevel, format: settings.logFormat });
const databaseUrl = settings.databaseUrl!;
console.log(await migrate(databaseUrl));
const app = await createHttpApplication(AppModule.forRoot({ settings, databaseUrl, log }), log);
await app.listen({ port: settings.port ?? 3000, host: settings.host });
