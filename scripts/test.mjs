/**
 * npm test [-- <vitest arguments>]: installs and builds what is missing, runs all lanes, says what was left out, and
 * ends with the line "N passed, N failed, N skipped". Fails on any failure, on no tests at all and, with CI=true,
 * on anything that is not there to be tested with.
 */
import { checkNodeVersion } from './lib/node-version.mjs';

checkNodeVersion();
const { prepareAndTest } = await import('./lib/test.mjs');
await prepareAndTest(process.argv.slice(2));
