import { graphql } from '../../graphql/graphql.ts'

export const webhookFragment = graphql(`
  fragment ShownWebhook on Webhook @_unmask {
    id
    url
    events
    active
    hasSecret
    disabledReason
    disabledAt
    createdAt
  }
`)

export const deliveryFragment = graphql(`
  fragment ShownDelivery on Delivery @_unmask {
    id
    webhookId
    eventId
    event
    status
    attempts
    error
    nextAttemptAt
    createdAt
    finishedAt
    tries {
      at
      durationMs
      statusCode
      error
      response
    }
  }
`)

export const WebhooksDocument = graphql(
  `
    query Webhooks($instanceId: ID!) {
      webhooks(instanceId: $instanceId) {
        data {
          ...ShownWebhook
        }
      }
    }
  `,
  [webhookFragment],
)

export const WebhookDocument = graphql(
  `
    query Webhook($instanceId: ID!, $webhookId: ID!) {
      webhook(instanceId: $instanceId, webhookId: $webhookId) {
        ...ShownWebhook
      }
    }
  `,
  [webhookFragment],
)

export const CreateWebhookDocument = graphql(`
  mutation CreateWebhook($instanceId: ID!, $input: CreateWebhookInput!) {
    createWebhook(instanceId: $instanceId, input: $input) {
      id
      secret
    }
  }
`)

export const UpdateWebhookDocument = graphql(
  `
    mutation UpdateWebhook($instanceId: ID!, $webhookId: ID!, $input: UpdateWebhookInput!) {
      updateWebhook(instanceId: $instanceId, webhookId: $webhookId, input: $input) {
        ...ShownWebhook
      }
    }
  `,
  [webhookFragment],
)

export const DeleteWebhookDocument = graphql(`
  mutation DeleteWebhook($instanceId: ID!, $webhookId: ID!) {
    deleteWebhook(instanceId: $instanceId, webhookId: $webhookId)
  }
`)

export const RotateSecretDocument = graphql(`
  mutation RotateSecret($instanceId: ID!, $webhookId: ID!) {
    rotateWebhookSecret(instanceId: $instanceId, webhookId: $webhookId) {
      id
      secret
    }
  }
`)

export const TestWebhookDocument = graphql(
  `
    mutation TestWebhook($instanceId: ID!, $webhookId: ID!) {
      testWebhook(instanceId: $instanceId, webhookId: $webhookId) {
        ...ShownDelivery
      }
    }
  `,
  [deliveryFragment],
)

export const DeliveriesDocument = graphql(
  `
    query Deliveries($instanceId: ID!, $webhookId: ID!, $status: DeliveryStatus, $limit: Int, $cursor: String) {
      webhookDeliveries(
        instanceId: $instanceId
        webhookId: $webhookId
        status: $status
        limit: $limit
        cursor: $cursor
      ) {
        data {
          ...ShownDelivery
        }
        page {
          nextCursor
        }
      }
    }
  `,
  [deliveryFragment],
)

export const DeliveryDocument = graphql(`
  query Delivery($instanceId: ID!, $deliveryId: ID!) {
    webhookDelivery(instanceId: $instanceId, deliveryId: $deliveryId) {
      id
      event
      eventId
      status
      attempts
      error
      nextAttemptAt
      createdAt
      request {
        url
        body
      }
      tries {
        at
        durationMs
        statusCode
        error
        response
      }
    }
  }
`)

export const ReplayDocument = graphql(
  `
    mutation Replay($instanceId: ID!, $deliveryId: ID!) {
      replayDelivery(instanceId: $instanceId, deliveryId: $deliveryId) {
        ...ShownDelivery
      }
    }
  `,
  [deliveryFragment],
)

export const ReplayManyDocument = graphql(`
  mutation ReplayMany($instanceId: ID!, $webhookId: ID!, $input: ReplayDeliveriesInput!) {
    replayDeliveries(instanceId: $instanceId, webhookId: $webhookId, input: $input) {
      replayed
      nextCursor
    }
  }
`)

export const DeliveryNewsDocument = graphql(
  `
    subscription DeliveryNews($instanceId: ID!) {
      webhookDelivery(instanceId: $instanceId) {
        ...ShownDelivery
      }
    }
  `,
  [deliveryFragment],
)
