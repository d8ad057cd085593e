/** One field of an encoded protobuf message, and all the bytes that it takes there. */
export interface Field {
  number: number
  /** Tag included. */
  whole: Buffer
  /** Of a field with a length: what is in it; empty for the others. */
  content: Buffer
}

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5

/** The fields of a message in their order, without making anything of them. Throws where the bytes end too soon. */
export function* fieldsOf(bytes: Buffer): Generator<Field> {
  for (let at = 0; at < bytes.length; ) {
    const start = at
    const [tag, afterTag] = varint(bytes, at)
    const number = Math.floor(tag / 8)
    const wire = tag % 8
    let content = bytes.subarray(0, 0)
    if (wire === VARINT) at = varint(bytes, afterTag)[1]
    else if (wire === FIXED64) at = afterTag + 8
    else if (wire === FIXED32) at = afterTag + 4
    else if (wire === LENGTH) {
      const [length, from] = varint(bytes, afterTag)
      at = from + length
      content = bytes.subarray(from, at)
    } else throw new Error(`a field of an unknown wire type ${wire}`)
    if (at > bytes.length) throw new Error('a field reaches beyond its message')
    yield { number, whole: bytes.subarray(start, at), content }
  }
}

function varint(bytes: Buffer, from: number): [value: number, next: number] {
  let value = 0
  for (let i = 0; i < 10; i++) {
    const byte = bytes[from + i]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return [value, from + i + 1]
  }
  throw new Error('a number that does not end')
}
