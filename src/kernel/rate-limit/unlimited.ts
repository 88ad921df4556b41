import { SetMetadata } from '@nestjs/common';

export const UNLIMITED = 'steward:unlimited';

/** Leaves a route out of the rate limit; `why` says what makes that safe, such as a budget of its own. */
export const Unlimited = (why: string): MethodDecorator & ClassDecorator => SetMetadata(UNLIMITED, why);
