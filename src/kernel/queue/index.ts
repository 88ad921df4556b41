export { HintQueue } from './hint-queue.js';
export { HintStore } from './hint-store.js';
export { QueueHosts } from './queue-hosts.js';
export { type Hint, type HintHandler, type PlacedHint, QUEUE_NAMES, type QueueName } from './queues.js';
export { QueueModule } from './queue.module.js';
