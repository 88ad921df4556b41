import { HttpCode, SerializeOptions, applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';

/**
 * Status and schema of a route's answer. The schema is a wall as well as documentation: fields it does not list
 * never leave (rule 5).
 */
export function Returns(status: number, schema: z.ZodType, description = ''): MethodDecorator {
  return applyDecorators(
    HttpCode(status),
    SerializeOptions({ schema }),
    ApiResponse({ status, description, standardSchema: schema }),
  );
}

/** A route that answers 204 without a body. */
export function ReturnsNothing(description = ''): MethodDecorator {
  return applyDecorators(HttpCode(204), ApiResponse({ status: 204, description }));
}

/** A route that answers with a file of the given media type, to be saved. */
export function ReturnsFile(mediaType: string, description: string): MethodDecorator {
  const content = { [mediaType]: { schema: { type: 'string', format: 'binary' } } };
  return applyDecorators(HttpCode(200), ApiResponse({ status: 200, description, content }));
}

/** A route that answers with an event stream and writes it itself; `description` names its events. */
export function ReturnsEvents(description: string): MethodDecorator {
  const content = { 'text/event-stream': { schema: { type: 'string' } } } as const;
  return applyDecorators(HttpCode(200), ApiResponse({ status: 200, description, content }));
}

/** A route that answers with plain text. */
export function ReturnsText(description: string): MethodDecorator {
  const content = { 'text/plain': { schema: { type: 'string' } } } as const;
  return applyDecorators(HttpCode(200), ApiResponse({ status: 200, description, content }));
}
