import { SetMetadata } from '@nestjs/common';

export const LIMITED = 'steward:limited';
export type Limited = { readonly how: 'not at all' | 'like users'; readonly why: string };

/** Leaves a route out of the rate limit; `why` says what makes that safe, such as a budget of its own. */
export const Unlimited = (why: string): MethodDecorator & ClassDecorator =>
  SetMetadata(LIMITED, { how: 'not at all', why } satisfies Limited);

/** For a public route whose callers have a secret in the body: each address gets as much as a signed-in user. */
export const LimitedLikeUsers = (why: string): MethodDecorator & ClassDecorator =>
  SetMetadata(LIMITED, { how: 'like users', why } satisfies Limited);
