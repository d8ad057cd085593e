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

/** Whether a row that was found has all these names already. */
export const hasNames = (row: PersonNames, names: PersonNames): boolean =>
  (names.phone === null || row.phone === names.phone) && (names.lid === null || row.lid === names.lid)
