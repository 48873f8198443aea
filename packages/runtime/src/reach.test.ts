import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { it } from 'node:test'
import { createFetch, freePort } from './net.ts'
import { isPublicAddress } from './reach.ts'

it('only addresses of the public Internet are public', () => {
  for (const address of ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2001:200::1'])
    assert.equal(isPublicAddress(address), true, address)
  for (const address of [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.19.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:db8::1',
    'fc00::1',
    'fd12::1',
    'fe80::1',
    'ff02::1',
    'localhost',
    '2130706433',
    '',
  ])
    assert.equal(isPublicAddress(address), false, address)
})

it('a guarded fetch reaches names under localhost in a town, and nothing local otherwise', async () => {
  const port = await freePort()
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    if (request.url === '/away') response.writeHead(302, { location: `http://127.0.0.1:${port}/x` })
    response.end('here')
  })
  await new Promise<void>(resolve => {
    server.listen(port, '127.0.0.1', resolve)
  })
  const town = createFetch({ reach: 'town' })
  const open = createFetch({ reach: 'public' })
  try {
    assert.equal(await (await town.fetch(`http://bank.localhost:${port}/ok`)).text(), 'here')
    // A redirect is never followed, even when the caller asks for it.
    const away = await town.fetch(`http://bank.localhost:${port}/away`, { redirect: 'follow' })
    assert.equal(away.status, 302)
    assert.deepEqual(asked, ['/ok', '/away'])
    for (const host of ['127.0.0.1', '[::1]', '2130706433', '0x7f.1', '[::ffff:7f00:1]', '0'])
      for (const caller of [town, open])
        await assert.rejects(caller.fetch(`http://${host}:${port}/`), { kind: 'not-allowed' }, host)
    await assert.rejects(open.fetch(`http://bank.localhost:${port}/`), { kind: 'not-allowed' })
    await assert.rejects(town.fetch('file:///etc/passwd'), { kind: 'not-allowed' })
    assert.equal(asked.length, 2)
  } finally {
    await town.close()
    await open.close()
    server.closeAllConnections()
    await new Promise(resolve => {
      server.close(resolve)
    })
  }
})
