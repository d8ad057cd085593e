import pg from 'pg'

/** Ends an operation where the process could end, too: before one of its statements is sent. */

interface Point {
  /** Of a prepared statement. */
  name: string
  /** Among its parameters, or in a list that is one of them, so that only one tenant is struck. */
  of: string
  /** How often it has been reached. */
  struck: number
}

const points = new Set<Point>()
// biome-ignore lint/suspicious/noExplicitAny: whatever pg takes is handed on as it is
type Any = any

const query = pg.Client.prototype.query as Any
pg.Client.prototype.query = function (this: Any, statement: Any, ...rest: Any[]) {
  for (const point of points) {
    if (statement?.name !== point.name || !statement.values?.flat().includes(point.of)) continue
    points.delete(point)
    point.struck++
    throw new Error(`ended before ${point.name}`)
  }
  return query.call(this, statement, ...rest)
} as Any

/** Once. */
export function failBefore(name: string, of: string): Point {
  const point = { name, of, struck: 0 }
  points.add(point)
  return point
}
