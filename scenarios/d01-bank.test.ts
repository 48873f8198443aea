/** D1: a citizen opens a bank account with a signed application and logs in with the card. Without a browser, both engines. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestTown } from '@sekisho/cli/testkit'

for (const database of ['embedded', 'postgres'] as const)
  test(`on ${database}: the account is open at once, and the card opens it again`, async () => {
    await using town = await startTestTown({ database })
    await using hanako = await town.person('plain-adult')

    const form = await hanako.visit(`${town.urls.bank}/open`)
    assert.equal(form.status, 200)
    assert.match(form.body, /佐藤　花子/)
    const account = await hanako.submit({ form: 'application', fields: { phone: '0312345678' } })
    assert.equal(account.url, `${town.urls.bank}/account?told=opened`)
    assert.match(account.body, /1,000円/)

    await using again = await reader(town, hanako)
    const home = await again.visit(`${town.urls.bank}/login`)
    assert.equal(home.url, `${town.urls.bank}/account`)
    assert.match(home.body, /1,000円/)
    assert.equal(/変わったようです/.test(home.body), false)
  })

/** The same card at another user agent: the first puts it back. */
async function reader(
  town: Awaited<ReturnType<typeof startTestTown>>,
  before: Awaited<ReturnType<typeof town.person>>,
): ReturnType<typeof town.person> {
  await before.card.release()
  return town.person('plain-adult')
}
