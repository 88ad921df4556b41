import type { Hint, QueueName } from './queues.js';

/**
 * Port: what a worker does with a hint. The jobs module binds it.
 *
 * Must be safe to call twice with one hint, and late: whoever claims the rows wins, everybody else finds none.
 */
export abstract class HintHandler {
  abstract handle(queue: QueueName, hint: Hint): Promise<void>;
}
