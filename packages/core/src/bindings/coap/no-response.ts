import { codeClass } from './codes.ts'

/** Whether a request's No-Response option says that nobody waits for this answer (RFC 7967, section 2.1). */
export function isUnwanted(noResponse: number | undefined, code: number): boolean {
  return noResponse !== undefined && (noResponse & (1 << (codeClass(code) - 1))) !== 0
}
