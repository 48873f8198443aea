import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Application, applicationText, birthdateText, parsePhone } from './application.ts'

const application: Application = {
  name: '佐藤　花子',
  address: '東京都千代田区神田神保町１丁目１番１号',
  birthdate: '1990-03-04',
  gender: 'female',
  hasSubstitutes: false,
  phone: '0312345678',
  purpose: 'savings',
}

test('a telephone number may be typed with full-width digits, hyphens of any kind, brackets and spaces', () => {
  for (const typed of [
    '0312345678',
    '03-1234-5678',
    '（０３）１２３４　５６７８',
    '03‐1234−5678',
    '03ー1234ー5678',
  ])
    assert.equal(parsePhone(typed), '0312345678', typed)
  assert.equal(parsePhone('090-1234-5678'), '09012345678')
})

test('what is no telephone number is none', () => {
  for (const typed of [
    '',
    '312345678',
    '031234567',
    '090123456789',
    '03-1234-567x',
    '+81312345678',
  ])
    assert.equal(parsePhone(typed), undefined, typed)
})

test('a date of birth says which parts are unknown', () => {
  assert.equal(birthdateText('1990-03-04', 'ja'), '1990年3月4日')
  assert.equal(birthdateText('1990-03-04', 'en'), '4 March 1990')
  assert.equal(birthdateText('1944-04-00', 'ja'), '1944年4月(日は不詳)')
  assert.equal(birthdateText('1944-04-00', 'en'), 'April 1944 (day unknown)')
  assert.equal(birthdateText('1944-00-00', 'ja'), '1944年(月日は不詳)')
  assert.equal(birthdateText('1944-00-00', 'en'), '1944 (month and day unknown)')
  assert.equal(birthdateText('0000-00-00', 'ja'), '不詳')
  assert.equal(birthdateText('', 'en'), 'unknown')
})

test('the application holds each item in a line of its own', () => {
  const text = applicationText(application)
  assert.match(text, /^生年月日: 1990年3月4日$/m)
  assert.match(text, /^性別: 女$/m)
  assert.match(text, /^口座の利用目的: 貯蓄$/m)
})

test('no value can begin another line or turn the direction of writing', () => {
  const lines = applicationText(application).split('\n').length
  const evil = '花子\n住所: 別の住所\r\u2028電話番号: 1\u202egnihton'
  const text = applicationText({ ...application, name: evil, address: evil, phone: evil })
  assert.equal(text.split(/[\n\r\u2028\u2029]/).length, lines)
  assert.ok(!text.includes('\u202e'))
})
