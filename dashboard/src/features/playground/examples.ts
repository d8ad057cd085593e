/** What the playground opens on: a question, a change, and something to listen to. */
export const EXAMPLES = [
  {
    query: `# Ctrl-Enter runs it.
query MyInstances {
  me {
    name
    plan
  }
  instances {
    data {
      id
      name
      phoneNumber
      status {
        state
      }
    }
  }
}
`,
  },
  {
    query: `mutation SendHello($instanceId: ID!) {
  sendMessage(
    instanceId: $instanceId
    input: { chatId: "+55 11 90000-0002", type: text, content: { text: "Hello!" } }
  ) {
    id
    status
  }
}
`,
    variables: '{\n  "instanceId": "inst_…"\n}',
  },
  {
    query: `# It goes on until you stop it.
subscription WhatHappens($instanceId: ID!) {
  eventOccurred(instanceId: $instanceId) {
    seq
    event
    data
  }
}
`,
    variables: '{\n  "instanceId": "inst_…"\n}',
  },
]
