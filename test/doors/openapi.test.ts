import SwaggerParser from '@apidevtools/swagger-parser'
import { beforeAll, describe, expect, it } from 'vitest'
import { createRest } from '../../src/rest/rest.ts'
import { schema } from './schema.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
let document: any
let routes: string[]
beforeAll(async () => {
  const rest = await createRest({
    schema,
    gate: { enter: async () => {}, peek: () => {} },
    publicUrl: 'https://api.test',
  })
  document = rest.openApi
  routes = rest.routes
})

const operations = () =>
  Object.entries<object>(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map(method => `${method.toUpperCase()} ${path}`),
  )

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    expect(document.openapi).toBe('3.1.0')
    await SwaggerParser.validate(structuredClone(document))
  })

  it('holds exactly the routes that are dispatched', () => {
    expect(operations().sort()).toEqual([...routes].sort())
    expect(routes).toContain('PATCH /v1/things/{thing_id}')
    expect(routes.join()).not.toMatch(/webhook|graphql/i)
  })

  it('has flat bodies under snake_case names, closed to unknown fields', () => {
    const { requestBody, responses } = document.paths['/v1/things'].post
    expect(requestBody.required).toBe(true)
    expect(requestBody.content['application/json'].schema).toEqual({ $ref: '#/components/schemas/CreateThingInput' })
    expect(document.components.schemas.CreateThingInput).toMatchObject({
      required: ['name'],
      additionalProperties: false,
      properties: {
        name: { type: 'string', description: 'Its name.' },
        note: { type: ['string', 'null'] },
        config: { $ref: '#/components/schemas/ThingConfigInput' },
        at: { type: ['string', 'null'], format: 'date-time' },
      },
    })
    expect(document.components.schemas.ThingConfigInput.properties).toEqual({
      auto_reconnect: { type: 'boolean' },
      max_retries: { type: ['integer', 'null'], format: 'int32' },
    })
    expect(Object.keys(responses)).toEqual(['201', '400', '401', '403', '413', '415', '429', 'default'])
    expect(document.paths['/v1/things/{thing_id}/nudge'].post.requestBody.required).toBe(false)
    expect(document.paths['/v1/things/{thing_id}/touch'].post.requestBody).toBeUndefined()
  })

  it('has parameters with types, defaults and limits', () => {
    const { parameters } = document.paths['/v1/things'].get
    expect(parameters[0]).toMatchObject({
      name: 'limit',
      in: 'query',
      required: false,
      schema: { type: 'integer', format: 'int32', default: 50, minimum: 1, maximum: 200 },
    })
    expect(parameters[2]).toMatchObject({ name: 'thing_kind', schema: { $ref: '#/components/schemas/ThingKind' } })
    expect(document.paths['/v1/things/{thing_id}'].get.parameters).toEqual([
      { name: 'thing_id', in: 'path', required: true, description: '`thing_…`', schema: { type: 'string' } },
    ])
  })

  it('has answers with every field required, null in the style of 3.1, unions, and no field for GraphQL only', () => {
    const { Thing, Content, MediaContent } = document.components.schemas
    expect(Thing.required).toEqual(['id', 'name', 'note', 'config', 'content', 'created_at'])
    expect(Thing.properties.note.type).toEqual(['string', 'null'])
    expect(Thing.properties.owner).toBeUndefined()
    expect(Content.oneOf).toEqual([
      { $ref: '#/components/schemas/TextContent' },
      { $ref: '#/components/schemas/MediaContent' },
    ])
    expect(MediaContent).toMatchObject({ required: ['body', 'media_url'], additionalProperties: false })
    expect(document.paths['/v1/things/{thing_id}'].delete.responses[204].content).toBeUndefined()
  })

  it('speaks of fields in the names of REST', () => {
    expect(document.components.schemas.Thing.properties.note.description).toBe('Not `created_at`; see `createThing`.')
  })

  it('names operations after fields, with tags, errors, request ids and the key', () => {
    const { get } = document.paths['/v1/things']
    expect(get).toMatchObject({ operationId: 'things', summary: 'Your things', tags: ['Things'] })
    expect(get.responses[200].headers['X-Request-Id']).toBeDefined()
    expect(document.components.responses.BadRequest.content['application/json'].schema.$ref).toContain('Error')
    expect(document.security).toEqual([{ apiKey: [] }, { session: [] }])
    expect(document.components.securitySchemes.session).toMatchObject({ in: 'cookie', name: 'wataki_session' })
    expect(document.components.securitySchemes.apiKey).toMatchObject({ in: 'header', name: 'X-API-Key' })
    expect(get.security).toBeUndefined()
    expect(document.paths['/v1/greeting'].get.security).toEqual([])
    expect(document.paths['/v1/greeting'].get.responses[401]).toBeUndefined()
  })
})
