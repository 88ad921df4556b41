export { jitteredPause } from './backoff.js';
export { Clock, SystemClock } from './clock.js';
export { SingleFlight } from './single-flight.js';
export { TZ_VERSION } from './tz-version.js';
export { within } from './within.js';
