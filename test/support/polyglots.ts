import { deflateRawSync } from 'node:zlib'
import { gif, png } from './media.ts'

/** Files that are two things at once, or one thing under the name of another, and would run a script if they could. */
export interface Polyglot {
  what: string
  bytes: Buffer
  filename: string
  claimed: string
}

/** The script asks for `/ran?…`: whoever serves that address counts. */
const call = (what: string) => `new Image().src='/ran?${encodeURIComponent(what)}'`
const html = (what: string) =>
  `<html><body><script>${call(what)}</script><img src=x onerror="${call(what)}"></body></html>`
const svg = (what: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" onload="${call(what)}"><script>${call(what)}</script></svg>`
const xhtml = (what: string) =>
  `<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title><script>${call(what)}</script></head><body/></html>`
const pdf = (what: string) =>
  `%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.launchURL('/ran?${what}'))>>>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF`
const mhtml = (what: string) =>
  `MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n${html(what)}\r\n--x--\r\n`

/** The smallest zip of one stored file. */
function zip(name: string, content: Buffer): Buffer {
  const packed = deflateRawSync(content)
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50, 0)
  local.writeUInt16LE(20, 4)
  local.writeUInt16LE(8, 8)
  local.writeUInt32LE(packed.length, 18)
  local.writeUInt32LE(content.length, 22)
  local.writeUInt16LE(name.length, 26)
  return Buffer.concat([local, Buffer.from(name), packed])
}

const utf16 = (text: string, isBig: boolean): Buffer => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le')
  return isBig ? bytes.swap16() : bytes
}

/** A GIF whose head is at once the beginning of a comment, or of a string, of a script. */
const gifScript = (what: string) => Buffer.from(`GIF89a/*\0\0\0*/=1;${call(what)}`, 'latin1')

export function polyglots(): Polyglot[] {
  const made: Polyglot[] = []
  const add = (what: string, bytes: Buffer | string, said: [filename: string, claimed: string]) =>
    made.push({ what, bytes: Buffer.from(bytes as string), filename: said[0], claimed: said[1] })
  add('html', html('html'), ['a.html', 'text/html'])
  add('html as png', html('html as png'), ['a.png', 'image/png'])
  add('html without a name', html('html without a name'), ['a', 'application/octet-stream'])
  add('html after blanks', `${' \n'.repeat(400)}${html('html after blanks')}`, ['a.txt', 'text/plain'])
  add('html with BOM', `\ufeff${html('html with BOM')}`, ['a.html', 'text/html'])
  add('html in UTF-16LE', utf16(html('html in UTF-16LE'), false), ['a.html', 'text/html; charset=utf-16'])
  add('html in UTF-16BE', utf16(html('html in UTF-16BE'), true), ['a.txt', 'text/plain'])
  add('html in UTF-7', "+ADw-script+AD4-new Image().src='/ran?utf7'+ADw-/script+AD4-", [
    'a.html',
    'text/html; charset=utf-7',
  ])
  add('svg', svg('svg'), ['a.svg', 'image/svg+xml'])
  add('svg as jpeg', svg('svg as jpeg'), ['a.jpg', 'image/jpeg'])
  add('svg with a prologue', `<?xml version="1.0"?>${svg('svg with a prologue')}`, ['a.svg', 'image/svg+xml'])
  add('svg with BOM', `\ufeff${svg('svg with BOM')}`, ['a.svg', 'image/svg+xml'])
  add('xhtml', `<?xml version="1.0"?>${xhtml('xhtml')}`, ['a.xhtml', 'application/xhtml+xml'])
  add('xhtml without a prologue', xhtml('xhtml without a prologue'), ['a.xml', 'text/xml'])
  const sheet = `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="data:text/xsl,${encodeURIComponent('<x/>')}"?>`
  add('xml with a style sheet', sheet + xhtml('xml with a style sheet'), ['a.xml', 'application/xml'])
  add('pdf', pdf('pdf'), ['a.pdf', 'application/pdf'])
  add('pdf and html', `${html('pdf and html')}\n${pdf('pdf and html')}`, ['a.pdf', 'application/pdf'])
  add('mhtml', mhtml('mhtml'), ['a.mhtml', 'multipart/related'])
  add('mhtml as png', mhtml('mhtml as png'), ['a.png', 'image/png'])
  add('gif and script', gifScript('gif and script'), ['a.gif', 'image/gif'])
  add('gif and jar', Buffer.concat([gif(2, 2, 1), zip('A.class', Buffer.from('x'))]), ['a.gif', 'image/gif'])
  add('gif and html', Buffer.concat([gif(2, 2, 1), Buffer.from(html('gif and html'))]), ['a.html', 'text/html'])
  add('png and html', Buffer.concat([png(2, 2), Buffer.from(html('png and html'))]), ['a.html', 'text/html'])
  add('jar as html', Buffer.concat([zip('a.html', Buffer.from('x')), Buffer.from(html('jar as html'))]), [
    'a.html',
    'text/html',
  ])
  add('script', call('script'), ['a.js', 'text/javascript'])
  return made
}
