import { Transform } from 'node:stream'

/** Lets bytes through, and fails when they are fewer or more than was announced. */
export function exactly(sizeBytes: number): Transform {
  let seenBytes = 0
  const differs = () => new Error(`${seenBytes} bytes came where ${sizeBytes} were announced`)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seenBytes += chunk.length
      if (seenBytes > sizeBytes) done(differs())
      else done(null, chunk)
    },
    flush(done) {
      done(seenBytes === sizeBytes ? null : differs())
    },
  })
}
