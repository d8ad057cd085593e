/**
 * A person at WhatsApp has two names: a phone number, and a `@lid` that hides it. Either may be learned first. Here is
 * what becomes of the rows of a table with `phone` and `lid` once both names are known to be one person's. Pure.
 */

export interface PersonNames {
  /** `…@s.whatsapp.net` */
  phone: string | null
  /** `…@lid` */
  lid: string | null
}

export interface Named extends PersonNames {
  id: string
}

export interface Joined<Row> {
  /** The row that has all the names from now on, with them; null when there is none yet. */
  kept: Row | null
  /** The younger row of the same person: its contents belong to `kept`. */
  dropped: Row | null
  /** The row of a number that the person gave up: it loses the lid. */
  bereft: Row | null
}

/**
 * `rows` have at least one of the names, so there are at most two. The newest pair is believed: a number may pass to
 * another account, and an account may change its number.
 */
export function joinNames<Row extends Named>(rows: Row[], names: PersonNames): Joined<Row> {
  const byPhone = rows.find(row => names.phone !== null && row.phone === names.phone)
  const byLid = rows.find(row => names.lid !== null && row.lid === names.lid)
  const one = byPhone ?? byLid
  if (!one) return { kept: null, dropped: null, bereft: null }
  const named = (row: Row): Row => ({ ...row, phone: names.phone ?? row.phone, lid: names.lid ?? row.lid })
  if (!byPhone || !byLid || byPhone.id === byLid.id) return { kept: named(one), dropped: null, bereft: null }
  // Two people who are both known in full stay two: the account has moved to the number of the other.
  if (byPhone.lid !== null && byLid.phone !== null) {
    return { kept: named(byPhone), dropped: null, bereft: { ...byLid, lid: null } }
  }
  const [older, younger] = byPhone.id < byLid.id ? [byPhone, byLid] : [byLid, byPhone]
  return { kept: named(older), dropped: younger, bereft: null }
}

export interface Sorted<Item, Row> {
  /** Nobody has any of their names yet. */
  fresh: Item[]
  /** With the row that has all their names. */
  known: [Item, Row][]
  /** Something is to be learnt, or two of the items are one person: for each alone, in this order. */
  tangled: Item[]
}

type AnyNames = Record<string, string | null>

/** Items of a batch against the rows that have any of their names, so that most of them take no statement of their own. */
export function sortOut<Item extends { names: object }, Row extends object>(
  items: Item[],
  rows: Row[],
): Sorted<Item, Row> {
  const rowsByName = Map.groupBy(
    rows.flatMap(row => namesIn(row).map(name => ({ name, row }))),
    ({ name }) => name,
  )
  const uses = new Map<string, number>()
  for (const item of items) for (const name of namesIn(item.names)) uses.set(name, (uses.get(name) ?? 0) + 1)
  const sorted: Sorted<Item, Row> = { fresh: [], known: [], tangled: [] }
  for (const item of items) {
    const names = namesIn(item.names)
    const found = new Set(names.flatMap(name => (rowsByName.get(name) ?? []).map(({ row }) => row)))
    const [row] = found
    if (names.some(name => uses.get(name)! > 1)) sorted.tangled.push(item)
    else if (!row) sorted.fresh.push(item)
    else if (found.size === 1 && names.every(name => namesIn(row).includes(name))) sorted.known.push([item, row])
    else sorted.tangled.push(item)
  }
  return sorted
}

const NAMES = ['groupJid', 'phone', 'lid']

const namesIn = (holder: object): string[] => NAMES.flatMap(name => (holder as AnyNames)[name] ?? [])

/** What is told, so that it can be put over what was told before. */
export const withoutUndefined = <T extends object>(news: T): T =>
  Object.fromEntries(Object.entries(news).filter(([, value]) => value !== undefined)) as T
