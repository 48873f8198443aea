/** D1 at its edges: what people, browsers and cards do at the bank besides the plain way. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import type { Fetch } from '@sekisho/runtime/net'

let town: TestTown
let bank: string

type Person = Awaited<ReturnType<TestTown['person']>>

/** Lets one person act; the card is put back in the end. */
async function as<T>(
  persona: string,
  act: (person: Person) => Promise<T>,
  fetch?: Fetch,
): Promise<T> {
  await using person = await town.person(persona, fetch === undefined ? {} : { fetch })
  return await act(person)
}

const application = { form: 'application', fields: { phone: '０３－１２３４－５６７８' } }

/** Opens an account from the front door. */
async function open(person: Person) {
  const form = await person.visit(`${bank}/open`)
  assert.equal(form.url, `${bank}/open/form`, form.body)
  return { form, account: await person.submit(application) }
}

async function accounts(): Promise<number> {
  const tables = await town.tables('bank')
  const rows = await tables.read(db => db.selectFrom('account').select('number').execute())
  return rows.length
}

/** Asks the bank as a browser with this cookie would. */
function asking(path: string, cookie: string): Promise<Response> {
  return town.fetch(`${bank}${path}`, { headers: { cookie } })
}

function cookieOf(answer: Response): string {
  return /^[^;]*/.exec(answer.headers.get('set-cookie') ?? '')?.[0] ?? ''
}

for (const database of ['embedded', 'postgres'] as const)
  describe(`on ${database}`, () => {
    before(async () => {
      town = await startTestTown({ database })
      bank = town.urls.bank
    })
    after(() => town.stop())

    describe('who they are', () => {
      it('a name with substitute characters: the note stands on form and account', async () => {
        await as('substitute-characters', async person => {
          const { form, account } = await open(person)
          assert.match(form.body, /代替文字が含まれています/)
          assert.match(account.body, /代替文字が含まれています/)
          assert.match(account.body, /〓〓　翔/)
        })
      })

      it('an address of 200 characters comes through whole', async () => {
        await as('long-address', async person => {
          const { form, account } = await open(person)
          const address = /<dt>住所<\/dt><dd>([^<]*)</.exec(form.body)?.[1] ?? ''
          assert.equal(Array.from(address).length, 200)
          assert.ok(account.body.includes(address))
        })
      })

      it('a name in the alphabet', async () => {
        await as('foreign-resident', async person => {
          const { account } = await open(person)
          assert.match(account.body, /ＳＡＮＴＯＳ　ＭＡＲＩＡ　ＬＵＩＳＡ/)
        })
      })

      it('an unknown day of birth is said to be unknown', async () => {
        await as('unknown-birth-day', async person => {
          const { form, account } = await open(person)
          for (const page of [form, account]) assert.match(page.body, /1944年4月\(日は不詳\)/)
        })
      })

      it('at fourteen: no account without a signature certificate, told with code and remedy, but a login that says so', async () => {
        await as('fourteen-year-old', async person => {
          const refused = await person.visit(`${bank}/open`)
          assert.match(refused.body, /signature-certificate-absent/)
          assert.match(refused.body, /市区町村の窓口で発行を受けるか/)
          const back = await person.submit({ form: 'refuse' })
          assert.ok(back.url.startsWith(`${bank}/callback`))
          assert.match(back.body, /consent-refused/)
          const home = await person.visit(`${bank}/login`)
          assert.equal(home.url, `${bank}/?told=no-account`)
          assert.match(home.body, /口座がまだありません/)
          // Nobody is logged in: the account leads to the login, and the login here again. No circle of redirects.
          assert.equal((await person.visit(`${bank}/account`)).url, `${bank}/?told=no-account`)
        })
      })
    })

    describe('what is sent twice', () => {
      it('an application submitted twice at the same moment is one document and one account', async () => {
        const begun = await accounts()
        const twice: Fetch = async (input, init) => {
          if (!addressOf(input).endsWith('/open/application')) return town.fetch(input, init)
          const [, second] = await Promise.all([town.fetch(input, init), town.fetch(input, init)])
          return second
        }
        await as('plain-adult', async person => (await open(person)).account, twice)
        assert.equal(await accounts(), begun + 1)
        const tables = await town.tables('platform')
        const documents = await tables.read(db =>
          db.selectFrom('signing').select('id').where('state', '=', 'waiting').execute(),
        )
        assert.deepEqual(documents, [])
      })

      it('a second application of somebody who has an account leads to that account', async () => {
        const begun = await accounts()
        const again = await as('plain-adult', person => person.visit(`${bank}/open`))
        assert.equal(again.url, `${bank}/account?told=exists`)
        assert.match(again.body, /1,000円/)
        assert.equal(await accounts(), begun)
      })

      it('a callback replayed leads home in the same browser, and nowhere in another', async () => {
        let callback = ''
        const watching: Fetch = (input, init) => {
          if (addressOf(input).includes('/callback?')) callback = addressOf(input)
          return town.fetch(input, init)
        }
        await as(
          'plain-adult',
          async person => {
            await person.visit(`${bank}/login`)
            assert.equal((await person.visit(callback)).url, `${bank}/account`)
          },
          watching,
        )
        const elsewhere = await town.fetch(callback)
        assert.equal(elsewhere.status, 403)
        assert.match(await elsewhere.text(), /session-foreign/)
      })

      it('another tab that begins a step does not disturb the first', async () => {
        const otherTab: Fetch = async (input, init) => {
          if (addressOf(input).includes('/callback?'))
            await town.fetch(`${bank}/open`, {
              headers: { ...headersOf(init), accept: 'text/html' },
            })
          return town.fetch(input, init)
        }
        const home = await as('plain-adult', person => person.visit(`${bank}/login`), otherTab)
        assert.equal(home.url, `${bank}/account`)
      })
    })

    describe('what the person stops', () => {
      it('a signature refused at the platform: told with its code, and the application can be sent again', async () => {
        let isRefusing = false
        const stopping: Fetch = (input, init) => {
          const isAnswer =
            init?.method === 'POST' && /\/interaction\/[\w-]+$/.test(addressOf(input))
          const stops = isRefusing && isAnswer
          return town.fetch(stops ? `${addressOf(input)}/refuse` : input, init)
        }
        const begun = await accounts()
        await as(
          'pin-always',
          async person => {
            await person.visit(`${bank}/open`)
            isRefusing = true
            const refused = await person.submit(application)
            assert.equal(refused.status, 403)
            assert.match(refused.body, /consent-refused/)
            assert.match(refused.body, /href="\/open\/form"/)
            assert.equal(await accounts(), begun)
            isRefusing = false
            await person.visit(`${bank}/open/form`)
            const account = await person.submit(application)
            assert.equal(account.url, `${bank}/account?told=opened`)
          },
          stopping,
        )
        assert.equal(await accounts(), begun + 1)
      })

      it('a card step cancelled in the reader is told by the platform, and from there back at the bank', async () => {
        // The last try is not used up without a yes: the reader cancels.
        for (let wrong = 0; wrong < 2; wrong++) {
          await using person = await town.person('overseas', { pin: '1357' })
          await person.visit(`${bank}/login`)
        }
        await as('overseas', async person => {
          const cancelled = await person.visit(`${bank}/login`)
          assert.match(cancelled.body, /ceremony-cancelled/)
          const back = await person.submit({ form: 'refuse' })
          assert.equal(back.status, 403)
          assert.match(back.body, /consent-refused/)
        })
      })
    })

    describe('who else tries', () => {
      it('a session planted in the browser before never sees who was identified or logged in', async () => {
        const planted = cookieOf(await town.fetch(`${bank}/login`))
        assert.match(planted, /^bank_session=/)
        const victim: Fetch = (input, init) => {
          const headers = headersOf(init)
          const isPlain = addressOf(input).startsWith(bank) && headers['cookie'] === undefined
          return town.fetch(
            input,
            isPlain ? { ...init, headers: { ...headers, cookie: planted } } : init,
          )
        }
        await as(
          'locked-pin',
          async person => {
            const form = await person.visit(`${bank}/open`)
            assert.equal(form.url, `${bank}/open/form`)
            const seen = await asking('/open/form', planted)
            assert.equal(seen.headers.get('location'), '/open')
            await person.submit(application)
            assert.equal((await asking('/account', planted)).headers.get('location'), '/login')
          },
          victim,
        )
      })

      it('forms without the session’s own token do nothing', async () => {
        let cookie = ''
        const watching: Fetch = (input, init) => {
          if (addressOf(input).startsWith(bank)) cookie = headersOf(init)['cookie'] ?? cookie
          return town.fetch(input, init)
        }
        await as(
          'plain-adult',
          async person => {
            await person.visit(`${bank}/login`)
            await person.visit(`${bank}/account`)
            const post = (path: string, body: Readonly<Record<string, string>>) =>
              town.fetch(`${bank}${path}`, {
                method: 'POST',
                headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
                body: new URLSearchParams(body).toString(),
              })
            assert.equal((await post('/logout', { token: 'guessed' })).status, 303)
            assert.equal((await asking('/account', cookie)).status, 200)
            const form = { token: 'guessed', phone: '0312345678', purpose: 'daily' }
            const applied = await post('/open/application', form)
            assert.equal(applied.headers.get('location'), '/account')
          },
          watching,
        )
      })

      it('nothing typed can write a line of its own into what is signed', async () => {
        let cookie = ''
        const watching: Fetch = (input, init) => {
          if (addressOf(input).startsWith(bank)) cookie = headersOf(init)['cookie'] ?? cookie
          return town.fetch(input, init)
        }
        await as(
          'former-surname',
          async person => {
            const form = await person.visit(`${bank}/open`)
            const token = /name="token" value="([^"]+)"/.exec(form.body)?.[1] ?? ''
            for (const [typed, status] of [
              [{ phone: '0312345678\n口座の利用目的: 貯蓄', purpose: 'daily' }, 400],
              [{ phone: '0312345678', purpose: '貯蓄\n残高: 1億円' }, 400],
              [{ phone: '0312345678', purpose: 'daily' }, 303],
            ] as const) {
              const answer = await town.fetch(`${bank}/open/application`, {
                method: 'POST',
                headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
                body: new URLSearchParams({ token, ...typed }).toString(),
              })
              assert.equal(answer.status, status, JSON.stringify(typed))
            }
          },
          watching,
        )
      })
    })

    describe('what an account tells', () => {
      it('the question for changes is charged once a day, however often the page is looked at', async () => {
        const asked = async (): Promise<number> => {
          const tables = await town.tables('platform')
          const rows = await tables.read(db =>
            db
              .selectFrom('usage')
              .select('kind')
              .where('transaction', 'like', 'change %')
              .execute(),
          )
          return rows.length
        }
        await as('plain-adult', async person => {
          await person.visit(`${bank}/login`)
          const first = await asked()
          for (let looked = 0; looked < 3; looked++) await person.visit(`${bank}/account`)
          assert.equal(await asked(), first)
        })
      })

      it('in English, with what the register writes marked as Japanese', async () => {
        await as('plain-adult', async person => {
          const home = await person.visit(`${bank}/?lang=en`)
          assert.match(home.body, /<html lang="en">/)
          assert.match(home.body, /Sekisho Bank/)
          const account = await person.visit(`${bank}/open`)
          assert.match(account.body, /<html lang="en">/)
          assert.match(account.body, /You have an account already/)
          assert.match(account.body, /1,000 yen/)
          assert.match(account.body, /Welcome gift/)
          assert.match(account.body, /4 March 1990/)
          assert.match(account.body, /<span lang="ja">佐藤　花子<\/span>/)
          const untold = account.body
            .replace(/<span lang="ja">[^<]*<\/span>/g, '')
            .replace(/<a class="lang"[^>]*>日本語<\/a>/, '')
          assert.doesNotMatch(untold, /[ぁ-んァ-ヶ一-龠]/)
        })
      })

      it('with the platform away: no login, told so; an open account stays in view and says what it cannot tell', async () => {
        await as('plain-adult', async person => {
          await person.visit(`${bank}/login`)
          await town.stopProgram('platform')
          try {
            const account = await person.visit(`${bank}/account`)
            assert.match(account.body, /1,000円/)
            assert.match(account.body, /登録内容の変更を確認できません/)
            const login = await person.visit(`${bank}/login`)
            assert.equal(login.status, 503)
            assert.match(login.body, /platform-unreachable/)
          } finally {
            await town.startProgram('platform')
          }
          assert.equal((await person.visit(`${bank}/login`)).url, `${bank}/account`)
        })
      })
    })
  })

function headersOf(init: RequestInit | undefined): Record<string, string> {
  return Object.fromEntries(new Headers(init?.headers))
}

function addressOf(input: Parameters<Fetch>[0]): string {
  return input instanceof Request ? input.url : new URL(input).href
}
