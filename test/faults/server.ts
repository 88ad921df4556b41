import 'reflect-metadata';
import { loadSettings } from '../../src/kernel/config/index.js';
import { Log } from '../../src/kernel/log/index.js';
import { start } from '../../src/start.js';
import { FaultJobsModule } from './fault-jobs.js';

/** The server as it is shipped, started in the same order, with the job types of the fault runner beside its own. */
const settings = loadSettings();
const log = Log.create({ level: settings.logLevel, format: 'json' });
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const { url, stop } = await start(settings, log, (message) => say(`steward: ${message}`), [FaultJobsModule]);
say(url === null ? 'Steward runs' : `Steward runs at  ${url}`);
process.once('SIGTERM', () => {
  stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
