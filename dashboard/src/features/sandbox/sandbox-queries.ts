import { graphql } from '../../graphql/graphql.ts'

export const ScanDocument = graphql(`
  mutation Scan($instanceId: ID!) {
    scanSandboxQr(instanceId: $instanceId) {
      state
      lastError
      updatedAt
    }
  }
`)

export const PhoneDocument = graphql(`
  query Phone($instanceId: ID!, $contact: String!) {
    sandboxMessages(instanceId: $instanceId, contact: $contact) {
      data {
        whatsappId
        fromMe
        type
        deleted
        at
        content {
          __typename
          ... on TextContent {
            text
          }
          ... on SandboxMediaContent {
            caption
            filename
          }
        }
        reactions {
          emoji
        }
      }
    }
  }
`)

export const PhoneNewsDocument = graphql(`
  subscription PhoneNews($instanceId: ID!) {
    eventOccurred(
      instanceId: $instanceId
      events: [message_received, message_status, message_updated, message_reaction]
    ) {
      id
    }
  }
`)

export const SayDocument = graphql(`
  mutation Say($instanceId: ID!, $input: SendSandboxMessageInput!) {
    sendSandboxMessage(instanceId: $instanceId, input: $input) {
      whatsappId
    }
  }
`)

export const FaultDocument = graphql(`
  mutation Fault($instanceId: ID!, $input: InjectSandboxFaultInput!) {
    injectSandboxFault(instanceId: $instanceId, input: $input) {
      kind
    }
  }
`)

export const GroupDocument = graphql(`
  mutation MakeGroup($instanceId: ID!, $input: CreateSandboxGroupInput!) {
    createSandboxGroup(instanceId: $instanceId, input: $input) {
      id
      subject
    }
  }
`)
