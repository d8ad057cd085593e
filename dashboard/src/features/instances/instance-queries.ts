import { graphql } from '../../graphql/graphql.ts'

export const InstancesDocument = graphql(`
  query Instances($limit: Int, $cursor: String) {
    instances(limit: $limit, cursor: $cursor) {
      data {
        id
        name
        description
        phoneNumber
        sandbox
        createdAt
        status {
          state
          lastError
          updatedAt
        }
      }
      page {
        nextCursor
      }
    }
  }
`)

export const FIRST_PAGE = { limit: 50, cursor: null }

export const InstanceDocument = graphql(`
  query Instance($instanceId: ID!) {
    instance(instanceId: $instanceId) {
      id
      name
      description
      phoneNumber
      sandbox
      createdAt
      eventCount
      config {
        autoReconnect
        downloadMedia
        emitRaw
      }
      status {
        state
        lastError
        updatedAt
      }
    }
  }
`)

export const ConnectionDocument = graphql(`
  subscription Connection($instanceId: ID!) {
    connectionUpdated(instanceId: $instanceId) {
      state
      lastError
      updatedAt
    }
  }
`)

export const CreateInstanceDocument = graphql(`
  mutation CreateInstance($input: CreateInstanceInput!) {
    createInstance(input: $input) {
      id
      name
      sandbox
    }
  }
`)

export const ConnectDocument = graphql(`
  mutation Connect($instanceId: ID!, $input: ConnectInstanceInput) {
    connectInstance(instanceId: $instanceId, input: $input) {
      status {
        state
        lastError
        updatedAt
      }
      qr
      pairingCode
    }
  }
`)

export const DisconnectDocument = graphql(`
  mutation Disconnect($instanceId: ID!) {
    disconnectInstance(instanceId: $instanceId) {
      state
      lastError
      updatedAt
    }
  }
`)

export const UpdateInstanceDocument = graphql(`
  mutation UpdateInstance($instanceId: ID!, $input: UpdateInstanceInput!) {
    updateInstance(instanceId: $instanceId, input: $input) {
      id
      name
      description
      config {
        autoReconnect
        downloadMedia
        emitRaw
      }
    }
  }
`)

export const DeleteInstanceDocument = graphql(`
  mutation DeleteInstance($instanceId: ID!) {
    deleteInstance(instanceId: $instanceId)
  }
`)
