/**
 * npm run up: everything from a fresh clone to a running Steward. Installs and builds what is missing, then runs
 * dist/src/main.js in this very process, so that a signal reaches it without anybody passing it on. Arguments go
 * through untouched.
 */
import { checkNodeVersion } from './lib/node-version.mjs';

checkNodeVersion();
const { prepareAndStart } = await import('./lib/up.mjs');
await prepareAndStart();
