import {
  type DocumentNode,
  type FieldNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import { snake } from './casing.ts'

/**
 * SOFA selects every field there is, to full depth. What is left here is what REST answers: without the fields
 * that are only for GraphQL, under snake_case names. Done once, so that a request pays nothing for it.
 */
export function restDocument(schema: GraphQLSchema, document: DocumentNode): DocumentNode {
  const info = new TypeInfo(schema)
  const field = (node: FieldNode, depth: number): FieldNode | null | undefined => {
    if (depth === 0) return undefined
    if (info.getFieldDef()?.extensions.rest === false) return null
    const name = snake(node.name.value)
    if (name === node.name.value && !node.alias) return undefined
    // SOFA's own alias tells apart fields of one name and several types in a union; names in JSON need no such help.
    return { ...node, alias: name === node.name.value ? undefined : { kind: Kind.NAME, value: name } }
  }
  const pruned = visit(
    document,
    visitWithTypeInfo(info, {
      Field: (node, _key, _parent, _path, ancestors) => field(node, ancestors.filter(isField).length),
    }),
  )
  return withoutUnusedVariables(pruned)
}

/** Arguments of nested fields become variables of SOFA's operation, and stay behind when the field is pruned. */
function withoutUnusedVariables(document: DocumentNode): DocumentNode {
  const used = new Set<string>()
  visit(document, { VariableDefinition: () => false, Variable: node => void used.add(node.name.value) })
  const [operation] = document.definitions as [OperationDefinitionNode]
  const variableDefinitions = operation.variableDefinitions?.filter(each => used.has(each.variable.name.value))
  return { ...document, definitions: [{ ...operation, variableDefinitions }] }
}

const isField = (node: unknown): boolean => (node as { kind?: string }).kind === Kind.FIELD
