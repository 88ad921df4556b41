export type { NewEvent, StoredEvent } from './event.js';
export { EventConsumer } from './event-consumer.js';
export { EVENTS_TOPIC, Events } from './events.js';
export { Hub, type HubListener } from './hub.js';
