import { useLingui } from '@lingui/react/macro'
import { useInstance } from '../instances/instance-layout.tsx'

export interface Person {
  digits: string
  name: string
  habit: string
}

/** The numbers with a meaning, by the names that they have in the sandbox itself. */
export function usePeople(): Person[] {
  const { t } = useLingui()
  return [
    { digits: '5511900000002', name: 'Ana', habit: t`Echoes what you write` },
    { digits: '5511900000001', name: 'Bruno', habit: t`Delivers and reads` },
    { digits: '5511900000003', name: 'Carla', habit: t`Delivers, never reads` },
    { digits: '5511900000004', name: 'Diego', habit: t`Is not on WhatsApp: sending fails` },
    { digits: '5511900000005', name: 'Elena', habit: t`Answers with an image` },
    { digits: '5511900000006', name: 'Fábio', habit: t`Is slow: 30 seconds` },
    { digits: '5511900000007', name: 'Gina', habit: t`Logs the instance out` },
    { digits: '5511900000008', name: 'Hugo', habit: t`Drops the connection, which comes back` },
    { digits: '5511900000010', name: 'Irene', habit: t`Is refused: WhatsApp’s rate limit` },
  ]
}

/** Whom a chat is with, or who wrote in it: known before they have said so themselves, where they are the sandbox's. */
export function useNameOf(): (id: string, told?: string | null) => string | null {
  const { sandbox } = useInstance()
  const people = usePeople()
  return (id, told = null) =>
    told ?? ((sandbox && people.find(({ digits }) => id === `${digits}@s.whatsapp.net`)?.name) || null)
}
