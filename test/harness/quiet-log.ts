import { Log } from '../../src/kernel/log/index.js';

/** A log that says nothing. */
export const quietLog = (): Log => Log.create({ level: 'silent', format: 'json' });
