export { Health, type HealthCheck } from './health.js';
export { HealthModule } from './health.module.js';
