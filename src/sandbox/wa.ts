/**
 * Everything the room takes from Baileys, and the only file that imports it: all names are of its public
 * index. The room needs its message types (`proto`), the codec of binary nodes and the Signal repository;
 * the rest is node:crypto.
 */
import {
  type BinaryNode,
  binaryNodeToString,
  DEFAULT_CONNECTION_CONFIG,
  decodeBinaryNode,
  decodeSyncdPatch,
  encodeBinaryNode,
  encodeSyncdPatch,
  encodeWAMessage,
  getMediaKeys,
  jidDecode,
  NOISE_MODE,
  NOISE_WA_HEADER,
  newLTHashState,
  proto,
  type SignalDataTypeMap,
  type SignalKeyStoreWithTransaction,
  unpadRandomMax16,
  WA_CERT_DETAILS,
} from '@whiskeysockets/baileys'

export type { BinaryNode, SignalDataTypeMap, SignalKeyStoreWithTransaction }
export {
  binaryNodeToString,
  decodeBinaryNode,
  decodeSyncdPatch,
  encodeBinaryNode,
  encodeSyncdPatch,
  encodeWAMessage,
  getMediaKeys,
  jidDecode,
  NOISE_MODE,
  NOISE_WA_HEADER,
  newLTHashState,
  proto,
  unpadRandomMax16,
}

/** The `issuerSerial` that Baileys demands of the intermediate certificate. */
export const ROOT_SERIAL: number = WA_CERT_DETAILS.SERIAL

export type SignalAuth = Parameters<typeof DEFAULT_CONNECTION_CONFIG.makeSignalRepository>[0]
export type SignalRepository = ReturnType<typeof DEFAULT_CONNECTION_CONFIG.makeSignalRepository>

const noop = () => {}
const silentLogger = {
  level: 'silent',
  child: () => silentLogger,
  trace: noop,
  debug: noop,
  info: noop,
  warn: noop,
  error: noop,
}

/** The repository that Baileys makes for itself. Peers are named by LID, so it never has to ask for one. */
export const makeSignalRepository = (auth: SignalAuth): SignalRepository =>
  DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, silentLogger, async () => [])
