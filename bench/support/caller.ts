import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What the bench of this address answers to `load`, run as a caller in a process of its own. */
export function answerOfCaller<Answer>(bench: string, load: object): Promise<Answer> {
  const child = fork(fileURLToPath(bench), ['caller'], { serialization: 'advanced' })
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  child.once('message', answer => resolve(answer as Answer))
  child.once('exit', code => reject(new Error(`a caller ended with ${code}`)))
  child.send(load)
  return promise
}
