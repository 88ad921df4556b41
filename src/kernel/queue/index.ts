export { HintQueue } from './hint-queue.js';
export { QueueHosts } from './queue-hosts.js';
export { type Hint, type HintHandler, type PlacedHint, QUEUE_NAMES, type QueueName } from './queues.js';
export { QueueModule } from './queue.module.js';
