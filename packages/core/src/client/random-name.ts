import { platform } from './platform.ts'

/** 96 bits in hexadecimal, so that no two processes in the world meet. */
export function randomName(): string {
  const bytes = platform().crypto.getRandomValues(new Uint8Array(12))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
