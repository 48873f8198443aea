import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { field, html, langOf, page, refusalPage, switchAddress, trusted } from './index.ts'
import { styles } from './style.ts'

const service = { name: '試験', home: '/' }

test('every value is escaped unless it is markup', () => {
  const evil = '<script>alert(1)</script>'
  const out = page({
    title: evil,
    lang: 'ja',
    service,
    body: html`<p>${evil}</p>${trusted('<hr>')}`,
  })
  assert.equal(out.includes(evil), false)
  assert.ok(out.includes('<hr>'))
  assert.ok(field({ name: 'a', label: evil, value: '"><b>' }).toString().includes('&quot;&gt;'))
})

test('Japanese is the language unless the address or the cookie says English', () => {
  assert.equal(langOf({ url: '/x' }), 'ja')
  assert.equal(langOf({ url: '/x?lang=en' }), 'en')
  assert.equal(langOf({ url: '/x', cookie: 'a=b; lang=en' }), 'en')
  assert.equal(langOf({ url: '/x?lang=ja', cookie: 'lang=en' }), 'ja')
  assert.equal(langOf({ url: '/x?lang=fr', cookie: 'xlang=en' }), 'ja')
})

test('the switch keeps the query', () => {
  assert.equal(switchAddress('/a?b=1', 'ja'), '/a?b=1&lang=en')
})

test('a refusal page shows cause, remedy, actor and code in the language asked', () => {
  const ja = refusalPage(new Refusal('pin-locked'), { lang: 'ja', service })
  assert.ok(ja.includes('pin-locked') && ja.includes('市区町村の窓口') && ja.includes('lang="ja"'))
  const en = refusalPage(new Refusal('pin-locked'), { lang: 'en', service })
  assert.ok(en.includes('The municipal window') && en.includes('lang="en"'))
})

test('every custom property that the style sheet uses is defined', () => {
  for (const [, name] of styles.matchAll(/var\((--[a-z-]+)\)/g))
    assert.match(styles, new RegExp(`${name}:#[0-9a-f]{3,6}`), name)
})
