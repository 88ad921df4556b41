import { Global, Module } from '@nestjs/common';
import { ApiLimits } from './api-limits.js';
import { Limiters } from './limiters.js';

@Global()
@Module({ providers: [ApiLimits, Limiters], exports: [ApiLimits, Limiters] })
export class RateLimitModule {}
