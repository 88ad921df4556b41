export { Log, type LogOptions } from './log.js';
