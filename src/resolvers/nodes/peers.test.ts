import { describe, expect, it } from 'vitest'
import { Peers, type Sighting } from './peers.ts'

const LEASE_MS = 10_000
const sighting = (over: Partial<Sighting> = {}): Sighting => ({
  id: 'other',
  process: 'p',
  beats: 1,
  expired: false,
  ...over,
})
const ids = (dead: Sighting[]) => dead.map(({ id }) => id)

describe('a node is taken for dead', () => {
  it('when it has not beaten for the length of a lease by our own clock, and not before', () => {
    const peers = new Peers(LEASE_MS, () => false)
    expect(peers.look([sighting()], 1_000)).toEqual([])
    expect(peers.look([sighting()], 1_000 + LEASE_MS - 1)).toEqual([])
    expect(ids(peers.look([sighting()], 1_000 + LEASE_MS))).toEqual(['other'])
  })

  it('never while it beats, whatever the clock of the database says', () => {
    const peers = new Peers(LEASE_MS, () => false)
    expect(peers.look([sighting()], 0)).toEqual([])
    for (let beats = 2; beats < 20; beats++) {
      expect(peers.look([sighting({ beats, expired: true })], beats * LEASE_MS)).toEqual([])
    }
  })

  it('at once when its lease had run out before it was seen, or when its process has ended', () => {
    expect(ids(new Peers(LEASE_MS, () => false).look([sighting({ expired: true })], 0))).toEqual(['other'])
    const peers = new Peers(LEASE_MS, process => process === 'gone')
    expect(ids(peers.look([sighting(), sighting({ id: 'killed', process: 'gone' })], 0))).toEqual(['killed'])
  })

  it('not for what a former node of its name was: who was away is seen anew', () => {
    const peers = new Peers(LEASE_MS, () => false)
    peers.look([sighting()], 0)
    peers.look([], 1_000)
    expect(peers.look([sighting()], LEASE_MS + 1)).toEqual([])
  })
})
