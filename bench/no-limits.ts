/** Tests and benchmarks log in and ask more often than people do; tests of the limits themselves set their own. */
export const NO_LIMITS = {
  STEWARD_RATE_LIMIT_USER: '0',
  STEWARD_RATE_LIMIT_ANONYMOUS: '0',
  STEWARD_LOGIN_LIMIT_ADDRESS: '0',
  STEWARD_LOGIN_LIMIT_ACCOUNT: '0',
  STEWARD_GUESS_LIMIT_ADDRESS: '0',
} as const;
