export { defaultRegistryLimits, type RegistryLimits } from './limits.ts'
export { Registry, type RegistryOptions } from './registry.ts'
