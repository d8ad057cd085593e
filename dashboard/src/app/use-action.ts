import { type AnyVariables, type DocumentInput, useMutation } from 'urql'
import { useToast } from '../ui/toast.tsx'
import { useSentence } from './sentences.ts'

/** A mutation whose failure is said in a corner; gives its answer, or null. */
export function useAction<Data, Variables extends AnyVariables>(document: DocumentInput<Data, Variables>) {
  const [{ fetching }, run] = useMutation(document)
  const say = useToast()
  const sentence = useSentence()
  return [
    fetching,
    async (variables: Variables, done?: string): Promise<Data | null> => {
      const { data, error } = await run(variables)
      if (error) {
        say(sentence(error), 'danger')
        return null
      }
      if (done) say(done)
      return data ?? null
    },
  ] as const
}
