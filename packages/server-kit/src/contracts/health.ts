/** As in the IETF draft "Health Check Response Format for HTTP APIs". */
export interface Health {
  readonly status: 'pass' | 'warn' | 'fail'
  readonly version: string
  readonly checks: Readonly<Record<string, { readonly status: 'pass' | 'warn' | 'fail'; readonly output?: string }>>
}
