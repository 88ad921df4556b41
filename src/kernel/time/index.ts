export { Clock, SystemClock } from './clock.js';
export { SingleFlight } from './single-flight.js';
