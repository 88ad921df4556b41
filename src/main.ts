import 'reflect-metadata';
import { Settings, SettingsError, loadSettings } from './kernel/config/index.js';
import { DatabaseUnusableError } from './kernel/database/open-database.js';
import { PortTakenError } from './kernel/http/listen.js';
import { Log } from './kernel/log/index.js';
import { RedisUnusableError } from './kernel/redis/index.js';
import { start, type RunningSteward } from './start.js';
import { welcome } from './welcome.js';

/** Beyond STEWARD_SHUTDOWN_SECONDS: for handing jobs back and closing connections. Then the process ends anyway. */
const SHUTDOWN_SLACK_SECONDS = 15;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  const settings = loadSettings();
  const log = Log.create({ level: settings.logLevel, format: settings.logFormat });
  const starting = start(settings, log, (message) => say(`steward: ${message}`));
  stopOnSignals(starting, settings, log);
  say(welcome(await starting, settings));
}

/**
 * SIGTERM and SIGINT finish what is under way; a second signal ends the process at once. One that comes during the
 * start waits for its end, so that a database that was just started is not left behind.
 */
function stopOnSignals(starting: Promise<RunningSteward>, settings: Settings, log: Log): void {
  let asked = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(1);
    asked = true;
    const limit = settings.shutdownSeconds + SHUTDOWN_SLACK_SECONDS;
    log.info({ signal }, `shutting down, at most ${limit} s (again to end at once)`);
    setTimeout(() => {
      log.error({}, 'shutdown took too long');
      process.exit(1);
    }, limit * 1000).unref();
    const stopped = starting.then((steward) => steward.stop());
    stopped.then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'shutdown failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** What the operator can mend is told in words; anything else is a bug and shows its trace. */
function explain(error: unknown): string {
  const known = [SettingsError, DatabaseUnusableError, RedisUnusableError, PortTakenError];
  if (known.some((kind) => error instanceof kind)) return `\n${(error as Error).message}\n`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

main().catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
});
