import { createTransport, type NodemailerError } from 'nodemailer'

const CHECK_TIMEOUT_MS = 5_000

/** Whether the mail server answers and lets this user in; null, or why it is not so. No mail goes out. */
export async function checkSmtp(url: string): Promise<string | null> {
  const transport = createTransport({
    url,
    connectionTimeout: CHECK_TIMEOUT_MS,
    greetingTimeout: CHECK_TIMEOUT_MS,
    dnsTimeout: CHECK_TIMEOUT_MS,
    socketTimeout: CHECK_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    await transport.verify()
    return null
  } catch (error) {
    const { code, responseCode, message } = error as NodemailerError
    // What the server says may name the user; its number does not.
    return [code, responseCode].filter(Boolean).join(' ') || message
  } finally {
    transport.close()
  }
}
