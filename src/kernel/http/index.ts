export { AppError, type FieldError, OperationalError, UserError } from './errors.js';
export {
  GivenIfMatch,
  IfMatch,
  NEEDS_IF_MATCH,
  OptionalIfMatch,
  requireVersion,
  tagged,
  type Versioned,
} from './etag.js';
export { Idempotency } from './idempotency.js';
export { judgedLater, toJsonSchema } from './json-schema.js';
export { Once, type OnceRequest } from './once.js';
export { pathOf, requestContext } from './request-context.js';
export { toAppError } from './problem.js';
export { Returns, ReturnsEvents, ReturnsFile, ReturnsNothing } from './returns.js';
export { StreamedBody, StreamsBody } from './streamed-body.js';
export {
  fieldErrors,
  idParam,
  instantIn,
  instantOut,
  nameOf,
  oneOf,
  pageOf,
  pageQuery,
  parseOrThrow,
  textOf,
  uuid,
  wholeNumberIn,
} from './validation.js';
