export { ApiLimits } from './api-limits.js';
export { tooMany } from './limit-headers.js';
export { Limiters } from './limiters.js';
export { networkOf } from './network-of.js';
export { RateLimitModule } from './rate-limit.module.js';
export { Unlimited } from './unlimited.js';
