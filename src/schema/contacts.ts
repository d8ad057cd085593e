import { type CheckedContact, checkContacts } from '../resolvers/chats/checkContacts.ts'
import { contacts } from '../resolvers/chats/contacts.ts'
import type { Contact } from '../resolvers/chats/shape.ts'
import { builder } from './builder.ts'
import { check, each } from './check.ts'
import { type Page, PageInfo, pageArgs } from './page.ts'
import { phoneNumber } from './phone.ts'
import { routes } from './route.ts'

const rest = routes('Chats & Groups')

const ContactObject = builder.objectRef<Contact>('Contact').implement({
  description: 'A person with a name.',
  fields: t => ({
    id: t.exposeString('id', {
      description: '`…@s.whatsapp.net` once the phone number is known, else `…@lid`: where to send to.',
    }),
    name: t.exposeString('name', { nullable: true, description: "As the phone's address book has it." }),
    pushName: t.exposeString('pushName', { nullable: true, description: 'As they call themselves.' }),
    verifiedName: t.exposeString('verifiedName', {
      nullable: true,
      description: 'As WhatsApp has verified it; businesses only.',
    }),
    phoneNumber: t.exposeString('phoneNumber', {
      nullable: true,
      description: 'Such as `+5511999999999`, once known.',
    }),
    lid: t.exposeString('lid', { nullable: true, description: 'The `…@lid` form, once known.' }),
  }),
})

const ContactPage = builder.objectRef<Page<Contact>>('ContactPage').implement({
  description: 'People; those first known last come first.',
  fields: t => ({
    data: t.field({ type: [ContactObject], description: 'The contacts of this page.', resolve: page => page.data }),
    page: t.field({ type: PageInfo, description: 'Where the list goes on.', resolve: page => page.page }),
  }),
})

const Checked = builder.objectRef<CheckedContact>('CheckedContact').implement({
  description: 'Whether a phone number is on WhatsApp.',
  fields: t => ({
    phone: t.exposeString('phone', { description: 'The number: `+` and digits.' }),
    exists: t.exposeBoolean('exists', { description: 'Whether it is on WhatsApp.' }),
    chatId: t.exposeString('chatId', {
      nullable: true,
      description: 'Where to send to, which may be another number than the one asked for; null when it is not there.',
    }),
    lid: t.exposeString('lid', { nullable: true, description: 'The `…@lid` form, when WhatsApp tells it.' }),
  }),
})

const CheckedList = builder.objectRef<{ data: CheckedContact[] }>('CheckedContacts').implement({
  description: 'An answer for each number, in the order in which they were asked for.',
  fields: t => ({
    data: t.field({ type: [Checked], description: 'The answers.', resolve: list => list.data }),
  }),
})

const PHONES_MAX = 50

const CheckInput = builder.inputType('CheckContactsInput', {
  description: 'Phone numbers to ask WhatsApp about.',
  fields: t => ({
    phones: t.stringList({
      required: true,
      description: `1 to ${PHONES_MAX} phone numbers in international form.`,
      ...check(each(PHONES_MAX, phoneNumber)),
    }),
  }),
})

const instanceId = { required: true, description: '`inst_…`' } as const

builder.queryFields(t => ({
  contacts: t.field({
    type: ContactPage,
    description: 'People of whom a name is known: from the address book, and from what they wrote.',
    args: {
      instanceId: t.arg.id(instanceId),
      limit: t.arg.int(pageArgs.limit),
      cursor: t.arg.string(pageArgs.cursor),
    },
    ...rest.get('/instances/{instance_id}/contacts'),
    resolve: (_, args, ctx) => contacts(ctx, args),
  }),
}))

builder.mutationFields(t => ({
  checkContacts: t.field({
    type: CheckedList,
    description: 'Checks which phone numbers are on WhatsApp. The instance must be connected.',
    args: {
      instanceId: t.arg.id(instanceId),
      input: t.arg({ type: CheckInput, required: true, description: 'The numbers.' }),
    },
    ...rest.post('/instances/{instance_id}/contacts/check', { conflicts: true }),
    resolve: (_, args, ctx) => checkContacts(ctx, args),
  }),
}))
