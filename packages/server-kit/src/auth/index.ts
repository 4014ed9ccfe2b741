export { authenticateAll } from './authenticate-all.ts'
export { type FailureThrottle, type FailureThrottleOptions, failureThrottle } from './failure-throttle.ts'
export { keyAuthenticator, operatorTokenAuthenticator } from './registry-authenticators.ts'
export { type TokenAuthenticatorOptions, tokenAuthenticator } from './token-authenticator.ts'
