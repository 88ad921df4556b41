import type { DestinationStream } from 'pino';
import { PinoPretty } from 'pino-pretty';

/** Readable lines for a terminal, written in this process so that nothing is lost when it ends. */
export function pretty(): DestinationStream {
  return PinoPretty({
    sync: true,
    singleLine: true,
    ignore: 'pid,hostname,area',
    messageFormat: '{if area}{area}: {end}{msg}',
    translateTime: 'SYS:HH:MM:ss',
  });
}
