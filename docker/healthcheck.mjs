// Alive? Whether it is ready is for a balancer to ask. Who asks here sets the time that it may take.
const { HOST = '', PORT = '' } = process.env
const host = ['', '0.0.0.0', '::'].includes(HOST) ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST
const answer = await fetch(`http://${host}:${PORT || 3000}/healthz`).catch(({ cause, message }) => ({
  ok: false,
  status: cause?.code ?? message,
}))
console.log(`/healthz: ${answer.status}`)
process.exit(answer.ok ? 0 : 1)
