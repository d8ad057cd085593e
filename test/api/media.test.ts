import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, openTestApp, type TestApp } from '../support/app.ts'
let wataki: TestApp
let caller: Caller
let id: string
beforeAll(async () => {
  wataki = await openTestApp({})
  caller = await wataki.tenant()
  id = (await caller.post('/v1/instances', { name: 'x' })).body.id
}, 60_000)
afterAll(() => wataki?.close())
it('works', async () => {
  const form = new FormData()
  form.set('file', new Blob([Buffer.from('hello')]), 'a.txt')
  const res = await fetch(`${wataki.url}/v1/instances/${id}/media`, { method: 'POST', body: form, headers: { 'x-api-key': caller.apiKey } })
  console.log(res.status, await res.clone().text())
  const m = await res.json()
  console.log((await caller.get(`/v1/instances/${id}/media/${m.id}`)).body)
  const c = await fetch(`${wataki.url}/v1/instances/${id}/media/${m.id}/content`, { headers: { 'x-api-key': caller.apiKey } })
  console.log(c.status, [...c.headers], await c.text())
})
