import { type GraphQLError, Kind, type Token, TokenKind } from 'graphql'
import type { Details } from '../errors.ts'

const VALUES = new Set<Kind>([
  Kind.INT,
  Kind.FLOAT,
  Kind.STRING,
  Kind.BOOLEAN,
  Kind.NULL,
  Kind.ENUM,
  Kind.LIST,
  Kind.OBJECT,
])

/** What GraphQL says about a value in the text of the operation, by the name of the field, as `assertVariables` says it. */
export function literalDetails({ nodes }: GraphQLError): Details {
  const node = nodes?.[0]
  if (!node?.loc) return {}
  const isUnknown = node.kind === Kind.ARGUMENT || node.kind === Kind.OBJECT_FIELD
  if (!isUnknown && !VALUES.has(node.kind)) return {}
  const start = node.loc.startToken
  const path = [...(isUnknown ? [start.value] : []), ...namesAround(start)].reverse()
  // The argument `input` is the body, whose fields have no prefix.
  if (path.length > 1 && path[0] === 'input') path.shift()
  return path.length > 0 ? { [path.join('.')]: isUnknown ? 'is not a known field' : 'is not valid' } : {}
}

/** The names of the fields that hold what begins at `start`, from the inside out, up to the argument. */
function namesAround(start: Token): string[] {
  const names: string[] = []
  let depth = 0
  let isHeld = true
  for (let token = start.prev; token && token.kind !== TokenKind.SOF; token = token.prev) {
    if (token.kind === TokenKind.COLON && isHeld && token.prev) names.push(token.prev.value)
    isHeld = false
    if ([TokenKind.BRACE_R, TokenKind.BRACKET_R].includes(token.kind)) depth++
    else if (token.kind === TokenKind.PAREN_L) break
    else if ([TokenKind.BRACE_L, TokenKind.BRACKET_L].includes(token.kind)) {
      if (depth > 0) depth--
      else isHeld = true
    }
  }
  return names
}
