import { z } from 'zod';

/** A JSON object whose keys are the caller's own. */
export const boundedObject = (maxBytes: number) =>
  z
    .record(z.string(), z.unknown(), { error: 'must be an object' })
    .refine((value) => jsonBytes(value) <= maxBytes, `must have at most ${maxBytes} bytes as JSON`);

export const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
