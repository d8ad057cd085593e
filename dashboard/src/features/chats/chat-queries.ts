import { graphql } from '../../graphql/graphql.ts'

const contentFragment = graphql(`
  fragment Content on MessageContent @_unmask {
    __typename
    ... on TextContent {
      text
    }
    ... on ImageContent {
      caption
      media {
        mediaId
        mimeType
        sizeBytes
        url
      }
    }
    ... on VideoContent {
      caption
      media {
        mediaId
        mimeType
        sizeBytes
        url
      }
    }
    ... on AudioContent {
      ptt
      media {
        mediaId
        mimeType
        sizeBytes
        url
      }
    }
    ... on DocumentContent {
      caption
      filename
      media {
        mediaId
        mimeType
        sizeBytes
        url
      }
    }
    ... on StickerContent {
      media {
        mediaId
        mimeType
        sizeBytes
        url
      }
    }
    ... on LocationContent {
      latitude
      longitude
      name
      address
    }
    ... on ContactsContent {
      contacts {
        name
        phone
      }
    }
    ... on UnsupportedContent {
      kind
    }
  }
`)

export const messageFragment = graphql(
  `
    fragment ShownMessage on Message @_unmask {
      id
      chatId
      lid
      sender
      direction
      type
      status
      timestamp
      editedAt
      deletedAt
      content {
        ...Content
      }
      reactions {
        sender
        emoji
      }
      error {
        code
        message
      }
    }
  `,
  [contentFragment],
)

export const ChatsDocument = graphql(`
  query Chats($instanceId: ID!, $limit: Int, $cursor: String) {
    chats(instanceId: $instanceId, limit: $limit, cursor: $cursor) {
      data {
        id
        instanceId
        name
        isGroup
        phoneNumber
        unreadCount
        lastMessageAt
        lastMessage {
          id
          type
          direction
          status
          content {
            __typename
            ... on TextContent {
              text
            }
          }
        }
      }
      page {
        nextCursor
      }
    }
  }
`)

export const MessagesDocument = graphql(
  `
    query Messages($instanceId: ID!, $chatId: String!, $limit: Int, $cursor: String) {
      messages(instanceId: $instanceId, chatId: $chatId, limit: $limit, cursor: $cursor) {
        data {
          ...ShownMessage
        }
        page {
          nextCursor
        }
      }
    }
  `,
  [messageFragment],
)

export const SendDocument = graphql(
  `
    mutation Send($instanceId: ID!, $input: SendMessageInput!) {
      sendMessage(instanceId: $instanceId, input: $input) {
        ...ShownMessage
      }
    }
  `,
  [messageFragment],
)

export const UploadDocument = graphql(`
  mutation Upload($instanceId: ID!, $file: Upload!) {
    uploadMedia(instanceId: $instanceId, file: $file) {
      id
      mimeType
      filename
    }
  }
`)

export const ReactDocument = graphql(
  `
    mutation React($instanceId: ID!, $messageId: ID!, $input: ReactToMessageInput!) {
      reactToMessage(instanceId: $instanceId, messageId: $messageId, input: $input) {
        ...ShownMessage
      }
    }
  `,
  [messageFragment],
)

export const ReadDocument = graphql(`
  mutation MarkRead($instanceId: ID!, $messageId: ID!) {
    markMessageRead(instanceId: $instanceId, messageId: $messageId) {
      id
      status
    }
  }
`)

export const ReceivedDocument = graphql(
  `
    subscription Received($instanceId: ID!) {
      messageReceived(instanceId: $instanceId) {
        ...ShownMessage
      }
    }
  `,
  [messageFragment],
)

export const CreatedDocument = graphql(
  `
    subscription Created($instanceId: ID!) {
      messageCreated(instanceId: $instanceId) {
        ...ShownMessage
      }
    }
  `,
  [messageFragment],
)

export const StatusDocument = graphql(`
  subscription Status($instanceId: ID!) {
    messageStatusChanged(instanceId: $instanceId) {
      id
      status
      error {
        code
        message
      }
    }
  }
`)

export const UpdatedDocument = graphql(
  `
    subscription Updated($instanceId: ID!) {
      messageUpdated(instanceId: $instanceId) {
        ...ShownMessage
      }
    }
  `,
  [messageFragment],
)

export const ReactedDocument = graphql(`
  subscription Reacted($instanceId: ID!) {
    reactionReceived(instanceId: $instanceId) {
      id
      reactions {
        sender
        emoji
      }
    }
  }
`)
