/** What a customer does with an instance of the sandbox, over REST, on whichever version answers. */
import { expect } from 'vitest'
import { type Server, until } from '../crash/processes.ts'
import type { Json } from '../support/app.ts'
import { RECEIVABLE, type Receiver } from '../support/receiver.ts'

/** Delivers at once, and reads. */
const CONTACT = '5511900000001'
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
export const SETTINGS = { ...RECEIVABLE, SANDBOX: 'on', PUBLIC_URL: 'http://wataki.test', QUOTA: 'on' }

export class Customer {
  /** The server that answers from now on. */
  server: Server
  readonly #receiver: Receiver
  #apiKey = ''
  #path = ''
  readonly #files: string[] = []

  constructor(server: Server, receiver: Receiver) {
    this.server = server
    this.#receiver = receiver
  }

  /** Signs up, and links an instance. */
  async begin(): Promise<void> {
    this.#apiKey = await this.server.createTenant('Acme')
    const made = await this.#call(201, 'POST', '/instances', { name: 'bot', sandbox: true })
    this.#path = `/instances/${made.id}`
    expect((await this.#call(200, 'POST', `${this.#path}/connect`)).qr).toEqual(expect.any(String))
    expect((await this.#call(200, 'POST', `${this.#path}/sandbox/scan`)).state).toBe('connected')
  }

  /** All of an ordinary day; each word of it bears the mark. */
  async work(mark: string): Promise<void> {
    const path = this.#path
    const isConnected = async () => (await this.#call(200, 'GET', `${path}/status`)).state === 'connected'
    await until(isConnected, `${mark}: the instance is connected`)
    const hook = { url: `${this.#receiver.url}/${mark}`, events: ['message.received', 'message.status'] }
    const webhook = await this.#call(201, 'POST', `${path}/webhooks`, hook)
    expect(webhook).toMatchObject({ ...hook, active: true, secret: expect.any(String) })

    const text = `out ${mark}`
    const sent = await this.send(text)
    expect(await this.send(text)).toEqual(sent)
    const file = await this.#upload(`${mark}.png`)
    const picture = { chat_id: CONTACT, type: 'image', content: { media: { media_id: file }, caption: `seen ${mark}` } }
    const shown = await this.#call(202, 'POST', `${path}/messages`, picture)
    for (const { id } of [sent, shown]) {
      const isRead = async () => (await this.#call(200, 'GET', `${path}/messages/${id}`)).status === 'read'
      await until(isRead, `${mark}: the contact reads ${id}`)
    }
    const phone = await this.#call(200, 'GET', `${path}/sandbox/messages?contact=${CONTACT}`)
    expect(phone.data.filter(({ content }: Json) => content.text === text)).toHaveLength(1)
    expect(phone.data.filter(({ content }: Json) => content.caption === `seen ${mark}`)).toHaveLength(1)
    await this.#call(202, 'PATCH', `${path}/messages/${sent.id}`, { content: { text: `${text}, mended` } })

    const said = { from: CONTACT, type: 'text', content: { text: `in ${mark}` } }
    await this.#call(202, 'POST', `${path}/sandbox/messages`, said)
    const heard = async () => (await this.#messages()).some(({ content }: Json) => content.text === `in ${mark}`)
    await until(heard, `${mark}: the message of the contact is listed`)
    const told = () =>
      this.#receiver.got.some(({ path: at, raw }) => at.endsWith(`/${mark}`) && raw.includes(`in ${mark}`))
    await until(told, `${mark}: the webhook is told`)
  }

  /** The same words are the same call. */
  send(text: string): Promise<Json> {
    const message = { chat_id: CONTACT, type: 'text', content: { text } }
    return this.#call(202, 'POST', `${this.#path}/messages`, message, { 'idempotency-key': text })
  }

  /** All that can be read of what was done. */
  async find(): Promise<Json> {
    const path = this.#path
    const read = (what: string) => this.#call(200, 'GET', path + what)
    const { id, name, sandbox, phone_number } = await read('')
    const files = await Promise.all(this.#files.map(file => read(`/media/${file}`)))
    return {
      instance: { id, name, sandbox, phone_number },
      messages: await this.#messages(),
      chats: (await read('/chats')).data,
      webhooks: (await read('/webhooks')).data,
      files,
      bytes: await Promise.all(this.#files.map(file => this.#bytes(`${path}/media/${file}/content`))),
    }
  }

  async #messages(): Promise<Json[]> {
    return (await this.#call(200, 'GET', `${this.#path}/messages?chat_id=${CONTACT}`)).data
  }

  async #bytes(path: string): Promise<string> {
    const answer = await this.#request('GET', path)
    return Buffer.from(await answer.arrayBuffer()).toString('base64')
  }

  async #upload(name: string): Promise<string> {
    const form = new FormData()
    form.set('file', new Blob([PNG]), name)
    const answer = await this.#request('POST', `${this.#path}/media`, { body: form })
    const { id } = (await answer.json()) as Json
    expect(answer.status).toBe(201)
    this.#files.push(id)
    return id
  }

  async #call(status: number, method: string, path: string, body?: Json, headers = {}): Promise<Json> {
    const json = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }
    const answer = await this.#request(method, path, json)
    const text = await answer.text()
    expect([method, path, answer.status, text]).toEqual([method, path, status, text])
    return JSON.parse(text)
  }

  #request(
    method: string,
    path: string,
    { body, headers }: { body?: BodyInit; headers?: object } = {},
  ): Promise<Response> {
    const all = { 'x-api-key': this.#apiKey, ...headers }
    return fetch(`${this.server.url}/v1${path}`, { method, body, headers: all, signal: AbortSignal.timeout(20_000) })
  }
}
