import {
  type DocumentNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
  visit,
} from 'graphql'
import { ApiError } from '../errors.ts'

/**
 * What one document may ask for, measured before any rule of GraphQL is run over it: those rules are what a hostile
 * document makes slow. Tokens are counted by the parser, which stops there.
 */
export const LIMITS = {
  tokens: 2000,
  /** Of fields; introspection has a rule of its own in GraphQL. */
  depth: 10,
  aliases: 30,
  directives: 30,
  /** Fields in the answer, as far as it can be known: pages count their `limit`. */
  cost: 10_000,
}

type Limit = keyof typeof LIMITS

/** Each limit that is exceeded stands in `details`. */
export function tooMuch(exceeded: Partial<Record<Limit, number | null>>): ApiError {
  const details: Record<string, string> = {}
  for (const [name, found] of Object.entries(exceeded)) {
    details[name] = `must be at most ${LIMITS[name as Limit]}${found === null ? '' : `, and it is ${found}`}`
  }
  const [first] = Object.entries(details)
  return new ApiError('validation_error', `the document asks for too much: ${first![0]} ${first![1]}`, { details })
}

export interface Measured {
  schema: GraphQLSchema
  document: DocumentNode
  variables: unknown
}

export function assertWithinLimits(measured: Measured): void {
  const counts = { ...countNodes(measured.document), depth: 0, cost: 0 }
  const weigh = scales(measured)
  for (const definition of measured.document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue
    const { depth, cost } = weigh(definition)
    counts.depth = Math.max(counts.depth, depth)
    counts.cost = Math.max(counts.cost, cost)
  }
  const exceeded = Object.entries(counts).filter(([name, found]) => found > LIMITS[name as Limit])
  if (exceeded.length > 0) throw tooMuch(Object.fromEntries(exceeded))
}

/** Names of the root fields that the operation calls: each is an operation of the house, however it is packed. */
export function rootFields(document: DocumentNode, operation: OperationDefinitionNode): string[] {
  const byKey = new Map<string, string>()
  const seen = new Set<string>()
  const collect = ({ selections }: SelectionSetNode) => {
    for (const node of selections) {
      if (node.kind === Kind.FIELD) {
        const name = node.name.value
        if (!name.startsWith('__')) byKey.set(node.alias?.value ?? name, name)
      } else if (node.kind === Kind.INLINE_FRAGMENT) collect(node.selectionSet)
      else if (!seen.has(node.name.value)) {
        seen.add(node.name.value)
        const fragment = fragmentsOf(document).get(node.name.value)
        if (fragment) collect(fragment.selectionSet)
      }
    }
  }
  collect(operation.selectionSet)
  return [...byKey.values()]
}

function fragmentsOf(document: DocumentNode) {
  return new Map(
    document.definitions.flatMap(each => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each]] : [])),
  )
}

interface Counts {
  aliases: number
  directives: number
}

const counted = new WeakMap<DocumentNode, Counts>()

/** As written: a fragment that is used twice adds no answer under a new name. Once for a document that comes often. */
function countNodes(document: DocumentNode): Counts {
  const known = counted.get(document)
  if (known) return known
  const counts: Counts = { aliases: 0, directives: 0 }
  counted.set(document, counts)
  visit(document, {
    Field: node => {
      if (node.alias) counts.aliases++
    },
    Directive: () => {
      counts.directives++
    },
  })
  return counts
}

interface Weight {
  depth: number
  cost: number
}

const NOTHING: Weight = { depth: 0, cost: 0 }

/** Fragments weigh as often as they are used; each is weighed once, and one that holds itself is left to GraphQL's rules. */
function scales({ schema, document, variables }: Measured): (operation: OperationDefinitionNode) => Weight {
  const fragments = fragmentsOf(document)
  const weighed = new Map<string, Weight>()
  const given = (typeof variables === 'object' && variables !== null ? variables : {}) as Record<string, unknown>
  let operation: OperationDefinitionNode

  function weigh({ selections }: SelectionSetNode, typeName: string | undefined): Weight {
    const sum = { depth: 0, cost: 0 }
    for (const node of selections) {
      const { depth, cost } = weighOne(node, typeName)
      sum.depth = Math.max(sum.depth, depth)
      sum.cost += cost
    }
    return sum
  }

  function weighOne(node: SelectionSetNode['selections'][number], typeName: string | undefined): Weight {
    if (node.kind === Kind.INLINE_FRAGMENT) {
      return weigh(node.selectionSet, node.typeCondition?.name.value ?? typeName)
    }
    if (node.kind === Kind.FRAGMENT_SPREAD) return weighFragment(node.name.value)
    const name = node.name.value
    if (!node.selectionSet) return { depth: 1, cost: 1 }
    const field = fieldOf(schema, typeName, name)
    const below = weigh(node.selectionSet, field && getNamedType(field.type).name)
    const limit = field?.args.find(arg => arg.name === 'limit')
    const written = node.arguments?.find(arg => arg.name.value === 'limit')?.value
    const times = limit ? pageSize(limit, written, { given, operation }) : 1
    return { depth: name.startsWith('__') ? 1 : below.depth + 1, cost: 1 + below.cost * times }
  }

  function weighFragment(name: string): Weight {
    const known = weighed.get(name)
    if (known) return known
    const fragment = fragments.get(name)
    if (!fragment) return NOTHING
    weighed.set(name, NOTHING)
    const weight = weigh(fragment.selectionSet, fragment.typeCondition.name.value)
    weighed.set(name, weight)
    return weight
  }

  return definition => {
    operation = definition
    // Fragments may read this operation's own variables.
    weighed.clear()
    return weigh(definition.selectionSet, schema.getRootType(definition.operation)?.name)
  }
}

interface Variables {
  given: Record<string, unknown>
  operation: OperationDefinitionNode
}

function pageSize(arg: GraphQLArgument, written: ValueNode | undefined, variables: Variables): number {
  const size = (written && numberIn(written, variables)) ?? arg.defaultValue
  return Number.isFinite(size) ? Math.max(1, size as number) : 1
}

function numberIn(node: ValueNode, { given, operation }: Variables): unknown {
  if (node.kind === Kind.INT) return Number(node.value)
  if (node.kind !== Kind.VARIABLE) return undefined
  const name = node.name.value
  if (Object.hasOwn(given, name)) return given[name]
  const fallback = operation.variableDefinitions?.find(each => each.variable.name.value === name)?.defaultValue
  return fallback?.kind === Kind.INT ? Number(fallback.value) : undefined
}

function fieldOf(
  schema: GraphQLSchema,
  typeName: string | undefined,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  const type = typeName === undefined ? undefined : schema.getType(typeName)
  return isObjectType(type) ? type.getFields()[name] : undefined
}
