export { defaultRegistryLimits, type RegistryLimits } from './control/index.ts'
export { createHub, type Hub, type HubOptions } from './hub.ts'
export { defaultHubLimits, type HubLimits } from './pipeline/limits.ts'
