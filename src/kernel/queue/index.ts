export { HintQueue } from './hint-queue.js';
export { type HintHandler, QueueHosts } from './queue-hosts.js';
export { type Hint, QUEUE_NAMES, QUEUES, type QueueName } from './queues.js';
export { QueueModule } from './queue.module.js';
