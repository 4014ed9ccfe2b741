export { magistralaTopics } from './magistrala.ts'
export { mainfluxTopics } from './mainflux.ts'
export { rawTopics } from './raw.ts'
