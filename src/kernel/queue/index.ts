export { HintHandler } from './hint-handler.js';
export { HintQueue } from './hint-queue.js';
export { type ProcessorHost, processorHost } from './processor-host.js';
export { type Hint, QUEUE_NAMES, QUEUES, type QueueName } from './queues.js';
export { QueueModule } from './queue.module.js';
