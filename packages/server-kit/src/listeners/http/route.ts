import type * as v from 'valibot'
import type { Peer, Session } from '../../contracts/index.ts'
import type { Reply } from './reply.ts'

export type Schema<Output = unknown> = v.GenericSchema<unknown, Output>
export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/**
 * Who may call. `anybody` gets no session; `principal` is who proved himself; `control` is the same with a control
 * scope, which the handler asks the session for.
 */
export type Access = 'anybody' | 'principal' | 'control'

export interface ResponseDoc {
  readonly description: string
  /** Absent where there is no body. */
  readonly schema?: Schema | undefined
  /** For a media type that has another. */
  readonly types?: Readonly<Record<string, Schema>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

interface RouteFacts {
  readonly method: Method
  /** An OpenAPI path. A last `{subtopic}` stands for one level or more. */
  readonly path: string
  /** The OpenAPI operation id. */
  readonly id: string
  readonly tag: 'messages' | 'things' | 'channels' | 'grants' | 'keys' | 'tokens' | 'domains' | 'presence' | 'hub'
  readonly summary: string
  readonly description?: string | undefined
  /** What it takes in headers, by their names, beyond what HTTP itself has. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** What a `payload` may be besides, for the OpenAPI document: of NDJSON a line. */
  readonly bodies?: Readonly<Record<string, Schema>> | undefined
  /** Media types of the good answer, the first one by default; none where it has no body. */
  readonly produces: readonly string[]
  readonly responses: Readonly<Record<number, ResponseDoc>>
}

export interface Route extends RouteFacts {
  readonly access: Access
  readonly query: Schema
  /** `payload`: bytes of any type, that nobody looks into. */
  readonly body: Schema | 'payload' | undefined
  readonly handle: (exchange: Exchange<unknown, unknown, unknown>) => Reply | Promise<Reply>
}

/** One request, checked, and what to answer it with. */
export interface Exchange<Query, Body, Caller> {
  readonly request: Request
  readonly peer: Peer
  /** The path's, decoded. */
  readonly parameters: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  readonly session: Caller
  /** The media type agreed on, one of `produces`. */
  readonly accepted: string
  /** Aborted when the caller went away or the listener stops. Made when it is asked for. */
  signal(): AbortSignal
}

interface RouteDefinition<A extends Access, Q extends Schema, B extends Schema | 'payload' | undefined>
  extends RouteFacts {
  readonly access: A
  readonly query: Q
  readonly body?: B
  readonly handle: (
    exchange: Exchange<v.InferOutput<Q>, BodyOf<B>, A extends 'anybody' ? undefined : Session>,
  ) => Reply | Promise<Reply>
}

type BodyOf<B> = B extends Schema ? v.InferOutput<B> : B extends 'payload' ? Uint8Array : undefined

/** Holds a handler to its schemas; the table of routes does not know the types of each. */
export function defineRoute<
  const A extends Access,
  Q extends Schema,
  const B extends Schema | 'payload' | undefined = undefined,
>(definition: RouteDefinition<A, Q, B>): Route {
  // The application checks query and body by these very schemas before it calls the handler.
  return { body: undefined, ...definition, handle: definition.handle as Route['handle'] }
}
