/** What a value looks like, as plain data: all that is said about a field is derived from this. */
export type Shape =
  | NumberShape
  | BooleanShape
  | TextShape
  | ChoiceShape
  | BytesShape
  | TimeShape
  | ListShape
  | RecordShape

interface Described {
  /** For people; goes into what is exported. */
  readonly description?: string | undefined
}

export interface NumberShape extends Described {
  readonly kind: 'number'
  readonly isInteger: boolean
  /** A symbol of the SenML units registry (RFC 8428, section 12.1): `Cel`, `%RH`, `m/s`. */
  readonly unit?: string | undefined
  readonly min?: number | undefined
  readonly max?: number | undefined
}

export interface BooleanShape extends Described {
  readonly kind: 'boolean'
}

export interface TextShape extends Described {
  readonly kind: 'text'
  /** In Unicode code points, as JSON Schema counts. */
  readonly lengthMin?: number | undefined
  readonly lengthMax?: number | undefined
}

export interface ChoiceShape extends Described {
  readonly kind: 'choice'
  readonly of: readonly string[]
}

export interface BytesShape extends Described {
  readonly kind: 'bytes'
  readonly lengthMax?: number | undefined
}

export interface TimeShape extends Described {
  readonly kind: 'time'
}

export interface ListShape extends Described {
  readonly kind: 'list'
  readonly of: Shape
  readonly itemsMin: number
  readonly itemsMax: number
}

export interface RecordShape extends Described {
  readonly kind: 'record'
  readonly fields: ReadonlyMap<string, Member>
}

export interface Member {
  readonly shape: Shape
  readonly isOptional: boolean
}

/** How deep the deepest value of a shape is and how many nodes the largest has, as the limits of codecs count. */
export interface Extent {
  readonly depth: number
  readonly nodes: number
}

/** In CBOR every key is a node too, and a time a tag with its content (`CborLimits`). */
export function extentOf(shape: Shape, format: 'json' | 'cbor'): Extent {
  switch (shape.kind) {
    case 'list': {
      const { depth, nodes } = extentOf(shape.of, format)
      return { depth: depth + 1, nodes: 1 + shape.itemsMax * nodes }
    }
    case 'record': {
      let depth = 0
      let nodes = format === 'cbor' ? 1 + shape.fields.size : 1
      for (const member of shape.fields.values()) {
        const inner = extentOf(member.shape, format)
        depth = Math.max(depth, inner.depth)
        nodes += inner.nodes
      }
      return { depth: depth + 1, nodes }
    }
    case 'time':
      return format === 'cbor' ? { depth: 1, nodes: 2 } : { depth: 0, nodes: 1 }
    default:
      return { depth: 0, nodes: 1 }
  }
}
