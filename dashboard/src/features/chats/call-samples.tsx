import { useLingui } from '@lingui/react/macro'
import { Tabs } from 'radix-ui'
import { CodeBlock } from '../../ui/copy.tsx'

/** What the page just did, for the reader's own program. */
export function CallSamples({ instanceId, chatId, text }: { instanceId: string; chatId: string; text: string }) {
  const { t } = useLingui()
  const { origin } = location
  const body = JSON.stringify({ chat_id: chatId, type: 'text', content: { text } })
  const quoted = body.replaceAll("'", "'\\''")
  const samples = {
    curl: `curl ${origin}/v1/instances/${instanceId}/messages \\
  -H "X-API-Key: $WATAKI_API_KEY" \\
  -H 'Content-Type: application/json' \\
  -d '${quoted}'`,
    GraphQL: `mutation {
  sendMessage(
    instanceId: ${JSON.stringify(instanceId)}
    input: {
      chatId: ${JSON.stringify(chatId)}
      type: text
      content: { text: ${JSON.stringify(text)} }
    }
  ) {
    id
    status
  }
}`,
    TypeScript: `const answer = await fetch('${origin}/v1/instances/${instanceId}/messages', {
  method: 'POST',
  headers: {
    'X-API-Key': process.env.WATAKI_API_KEY!,
    'Content-Type': 'application/json',
  },
  body: JSON.stringify({
    chat_id: ${JSON.stringify(chatId)},
    type: 'text',
    content: { text: ${JSON.stringify(text)} },
  }),
})
console.log(await answer.json())`,
  }
  return (
    <Tabs.Root defaultValue="curl">
      <Tabs.List aria-label={t`Language`} className="mb-3 inline-flex rounded-lg bg-sunken p-1">
        {Object.keys(samples).map(name => (
          <Tabs.Trigger
            key={name}
            value={name}
            className="h-8 rounded-md px-4 font-medium text-soft data-[state=active]:bg-panel data-[state=active]:text-ink data-[state=active]:shadow-card"
          >
            {name}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {Object.entries(samples).map(([name, sample]) => (
        <Tabs.Content key={name} value={name} tabIndex={-1}>
          <CodeBlock text={sample} label={name} />
        </Tabs.Content>
      ))}
    </Tabs.Root>
  )
}
