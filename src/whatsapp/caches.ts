import type { SocketConfig } from '@whiskeysockets/baileys'
import { nothingRemembered, type Remembered } from './account/account.ts'
import { BoundedMap } from './bounded-map.ts'

/**
 * What Baileys wants cached, kept longer than a socket lives: without the devices of its contacts each socket
 * would ask for them anew, and replace the Signal session of everyone it writes to.
 */
export interface Caches {
  devices: NonNullable<SocketConfig['userDevicesCache']>
  retries: NonNullable<SocketConfig['msgRetryCounterCache']>
  calls: NonNullable<SocketConfig['callOfferCache']>
  placeholders: NonNullable<SocketConfig['placeholderResendCache']>
  remembered: Remembered
}

/** One per instance. WhatsApp notifies of changed devices, also of those missed while away. */
export const createCaches = (): Caches => ({
  devices: cache(5000),
  retries: cache(1000),
  calls: cache(100),
  placeholders: cache(1000),
  remembered: nothingRemembered(),
})

function cache(maxEntries: number): NonNullable<SocketConfig['userDevicesCache']> {
  const entries = new BoundedMap<{ value: unknown }>({ maxEntries })
  const get = <T>(key: string) => entries.get(key)?.value as T | undefined
  return {
    get,
    set: (key, value) => entries.set(key, { value }),
    del: key => entries.delete(key),
    flushAll: () => entries.clear(),
    mget: async <T>(keys: string[]) => Object.fromEntries(keys.map(key => [key, get<T>(key)])),
    mset: async pairs => {
      for (const { key, value } of pairs) entries.set(key, { value })
    },
    mdel: async keys => {
      for (const key of keys) entries.delete(key)
    },
  }
}
