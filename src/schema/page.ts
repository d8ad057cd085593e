import { builder } from './builder.ts'
import { between, check } from './check.ts'

/** The two arguments of every list and the `page` of every answer. */
export const pageArgs = {
  limit: { defaultValue: 50, description: 'How many to give, 1 to 200.', ...check(between(1, 200)) },
  cursor: { description: '`nextCursor` of the page before.' },
} as const

export interface Page<Item> {
  data: Item[]
  page: { nextCursor: string | null }
}

export const PageInfo = builder.objectRef<{ nextCursor: string | null }>('PageInfo').implement({
  description: 'Where a list goes on.',
  fields: t => ({
    nextCursor: t.exposeString('nextCursor', {
      nullable: true,
      description: 'Give it as `cursor` to get the next page; null when there is none.',
    }),
  }),
})
