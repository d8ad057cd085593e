import type { App } from '../../context.ts'
import type { AnswerNews } from '../../whatsapp/whatsapp.ts'
import { answerOne } from './answer-one.ts'
import { takeTogether } from './take-together.ts'

/**
 * Acks and receipts of one instance, in the order in which they came. They are taken with those of other instances that
 * come meanwhile; where that does not do, without them; and what is unusual, or was changed in between, one after another.
 */
export async function onAnswers(app: App, instanceId: string, answers: AnswerNews[]): Promise<void> {
  const heard = answers.flatMap(answer => idsOf(answer).map(whatsappId => ({ instanceId, whatsappId, answer })))
  if (heard.length === 0) return
  const left = (await app.answers.take(heard)) ?? (await takeTogether(app, [heard], null))[0]!
  for (const { answer, whatsappId } of left) {
    const one = answer.kind === 'ack' ? answer : { ...answer, whatsappIds: [whatsappId] }
    await answerOne(app, instanceId, one).catch(cause =>
      app.log.error({ err: cause, instanceId }, 'an answer could not be taken'),
    )
  }
}

const idsOf = (answer: AnswerNews): string[] => (answer.kind === 'ack' ? [answer.whatsappId] : answer.whatsappIds)
