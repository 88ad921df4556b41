export { ApiLimits } from './api-limits.js';
export type { GrowingBudget, Try } from './growing-budget.js';
export { tooMany } from './limit-headers.js';
export { Limiters } from './limiters.js';
export { networkOf } from './network-of.js';
export { RateLimitModule } from './rate-limit.module.js';
export { LimitedLikeUsers, Unlimited } from './unlimited.js';
export type { WindowBudget } from './window-budget.js';
