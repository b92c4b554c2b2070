import { describe, expect, it } from 'vitest'
import { parseCloudUrl } from './cloud-url.js'

describe("the cloud's address", () => {
  it.each([
    ['https://cloud.example.com', 'https://cloud.example.com'],
    ['https://cloud.example.com:8443/metergate/', 'https://cloud.example.com:8443/metergate'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://localhost:8080/', 'http://localhost:8080'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
  ])('%s is taken', (text, url) => {
    expect(parseCloudUrl(text)).toEqual({ ok: true, value: url })
  })

  it.each([
    ['http://cloud.example.com', 'plain_http'],
    ['http://192.168.1.20:8080', 'plain_http'],
    ['http://127.0.0.1.example.com', 'plain_http'],
    ['http://localhost.example.com', 'plain_http'],
    ['ftp://cloud.example.com', 'bad_url'],
    ['file:///etc/passwd', 'bad_url'],
    ['https://user:secret@cloud.example.com', 'bad_url'],
    ['https://cloud.example.com/?x=1', 'bad_url'],
    ['cloud.example.com', 'bad_url'],
    ['', 'bad_url'],
  ])('%s is refused, with a reason', (text, kind) => {
    const url = parseCloudUrl(text)
    expect(url).toMatchObject({ ok: false, fault: { kind } })
  })
})
