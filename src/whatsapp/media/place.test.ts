import { expect, test } from 'vitest'
import { mediaUrl } from './place.ts'

const at = (directPath: string | null, url: string | null = null, ownHost: string | null = null) =>
  mediaUrl({ directPath, url }, ownHost)?.href ?? null

test('on the real network a path is one of WhatsApp, and a whole URL must name a host of WhatsApp', () => {
  expect(at('/v/t62.7118-24/1_n.enc?ccb=11-4&oh=01')).toBe(
    'https://mmg.whatsapp.net/v/t62.7118-24/1_n.enc?ccb=11-4&oh=01',
  )
  expect(at(null, 'https://media-gru1-1.cdn.whatsapp.net/v/1.enc')).toBe(
    'https://media-gru1-1.cdn.whatsapp.net/v/1.enc',
  )
})

test('no trick leads elsewhere', () => {
  for (const path of [
    '//evil.example/x',
    '/\\evil.example/x',
    '\\\\evil.example/x',
    '@evil.example/x',
    '.evil.example/x',
    ':80/x',
    'https://evil.example/x',
    '/a\r\nHost: evil.example',
    '/a b',
    '/a\\b',
    '',
  ])
    expect(at(path), path).toBe(null)
  for (const url of [
    'https://evil.example/x',
    'http://mmg.whatsapp.net/x',
    'https://mmg.whatsapp.net.evil.example/x',
    'https://evilwhatsapp.net/x',
    'https://whatsapp.net.evil.example/.whatsapp.net',
    'https://mmg.whatsapp.net:8443/x',
    'https://mmg.whatsapp.net@evil.example/x',
    'https://user:pass@mmg.whatsapp.net/x',
    'https://mmg.whatsapp.net./x',
    'https://127.0.0.1/.whatsapp.net',
    'https://[::1]/x',
    'file:///etc/passwd',
    'ftp://mmg.whatsapp.net/x',
    'nonsense',
  ])
    expect(at(null, url), url).toBe(null)
  // To a parser of URLs this is a path.
  expect(at(null, 'https://mmg.whatsapp.net\\@evil.example/x')).toBe('https://mmg.whatsapp.net/@evil.example/x')
})

test('with a media host of ours it is that very origin, by either word', () => {
  const own = 'http://127.0.0.1:4000'
  expect(at('/blob/1', null, own)).toBe('http://127.0.0.1:4000/blob/1')
  expect(at(null, 'http://127.0.0.1:4000/blob/1', own)).toBe('http://127.0.0.1:4000/blob/1')
  for (const url of [
    'http://127.0.0.1:4001/x',
    'https://127.0.0.1:4000/x',
    'http://localhost:4000/x',
    'http://127.0.0.1:4000@evil.example/x',
    'https://mmg.whatsapp.net/x',
  ])
    expect(at(null, url, own), url).toBe(null)
  expect(at('//evil.example/x', null, own)).toBe(null)
  expect(at('@evil.example/x', null, own)).toBe(null)
})
