import { UniqueConstraintViolationException } from '@mikro-orm/core'
import { type Context, tenantOf } from '../../context.ts'
import { Instance } from '../../db/entities/instance.ts'
import { sqlOf } from '../../db/sql.ts'
import { duplicate, invalid } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { recordAudit } from '../auth/audit.ts'
import type { InstanceConfig, StoredInstance } from './shape.ts'

export type ConfigInput = { [Key in keyof InstanceConfig]?: boolean | null }

export interface CreateInstanceInput {
  name: string
  description?: string | null
  config?: ConfigInput | null
  sandbox?: boolean | null
}

export async function createInstance(ctx: Context, input: CreateInstanceInput): Promise<StoredInstance> {
  const tenantId = tenantOf(ctx)
  const sandbox = input.sandbox ?? false
  if (sandbox && !ctx.networks.sandbox) throw invalid({ sandbox: 'the sandbox is off on this server' })
  const now = ctx.clock.now()
  const name = input.name.trim()
  const create = ctx.em.transactional(async em => {
    const created = em.create(Instance, {
      id: newId('inst'),
      tenantId,
      name,
      description: input.description ?? null,
      sandbox,
      autoReconnect: input.config?.autoReconnect ?? true,
      downloadMedia: input.config?.downloadMedia ?? false,
      emitRaw: input.config?.emitRaw ?? false,
      wanted: false,
      linked: false,
      state: 'disconnected',
      stateAt: now,
      createdAt: now,
      updatedAt: now,
    })
    await em.flush()
    const sql = sqlOf(em)
    await recordAudit(sql, ctx, { action: 'instance.created', tenantId, target: created.id })
    await ctx.once?.keep(sql, created)
    return created
  })
  return uniqueName(create, name)
}

/** A name that another instance of the tenant has is 409. */
export async function uniqueName<Result>(work: Promise<Result>, name: string): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (error instanceof UniqueConstraintViolationException)
      throw duplicate(`an instance named ${JSON.stringify(name)}`)
    throw error
  }
}
