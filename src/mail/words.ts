import type { Letter, LinkLetter, WebhookLetter } from './mail.ts'

export interface Words {
  subject: string
  text: string
  html: string
}

/** What a letter says: the same in plain text and in HTML, which needs nothing from elsewhere. */
export const wordsOf = (letter: Letter): Words =>
  letter.kind === 'webhook_disabled' ? webhookWords(letter) : linkWords(letter)

function linkWords({ kind, link, validMinutes }: LinkLetter): Words {
  const signUp = kind === 'sign_up'
  const lead = signUp
    ? 'Welcome to Wataki. Open this link to confirm your e-mail address and create your account:'
    : 'Open this link to sign in to Wataki:'
  const button = signUp ? 'Create my account' : 'Sign in'
  const end = `It works once, within ${validMinutes} minutes. If you did not ask for it, ignore this message: nothing happens without the link.`
  return laidOut(signUp ? 'Confirm your e-mail address for Wataki' : 'Sign in to Wataki', { lead, link, button, end })
}

function webhookWords({ url, reason }: WebhookLetter): Words {
  const why = {
    gone: 'Your server answered 410 there, which says that nothing will ever be taken again.',
    failing: 'Your server has taken nothing there for days.',
  }[reason]
  return laidOut('Wataki stopped sending to a webhook of yours', {
    lead: `Nothing is sent any more to ${url}. ${why}`,
    end: 'What was not delivered is kept for 30 days: activate the webhook again, and replay its failed deliveries.',
  })
}

interface Parts {
  lead: string
  link?: string
  button?: string
  end: string
}

function laidOut(subject: string, { lead, link, button = '', end }: Parts): Words {
  const anchor = link
    ? `<p style="margin:24px 0"><a href="${escapeHtml(link)}" style="display:inline-block;padding:12px 20px;border-radius:6px;background:#0b6b50;color:#fff;text-decoration:none">${button}</a></p>\n`
    : ''
  return {
    subject,
    text: `${[lead, link, end].filter(Boolean).join('\n\n')}\n`,
    html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${subject}</title></head>
<body style="margin:0;padding:32px 16px;font-family:system-ui,sans-serif;font-size:16px;line-height:1.5;color:#1a1a1a;background:#fff">
<div style="max-width:480px;margin:0 auto">
<p>${escapeHtml(lead)}</p>
${anchor}<p style="font-size:14px;color:#555">${end}</p>
</div></body></html>
`,
  }
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, character => ENTITIES[character]!)
