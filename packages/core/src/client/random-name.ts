import { platform } from './platform.ts'

/** 96 bits as digits, 32 characters at most, so that no two processes in the world meet. */
export function randomName(): string {
  return platform().crypto.getRandomValues(new Uint32Array(3)).join('-')
}
